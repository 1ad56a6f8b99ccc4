/** The bar on top of every screen: the product, where we are, and the person's menu. */
import { useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { useCopy } from '../copy/index.tsx';
import { call, callAuth } from '../data/http.ts';
import { signedOut, useMe } from '../data/queries.ts';
import { Button } from './button.tsx';
import { Logo, UserRound } from './icons.tsx';
import { Menu } from './menu.tsx';

export function Header({ children }: { children?: ReactNode }) {
  const copy = useCopy();
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const { data: me } = useMe();
  const signOut = async () => {
    await callAuth('/v1/auth/sign-out');
    signedOut(client);
    navigate('/sign-in');
  };
  const switchTo = async (tenant: string) => {
    await call('POST /v1/auth/tenant:switch', { body: { tenant_id: tenant } });
    client.clear();
    navigate('/brains');
  };
  const others = me?.tenants.length === 1 ? [] : (me?.tenants ?? []);
  return (
    <header className="flex h-12 shrink-0 items-center gap-3 border-b border-line bg-bg px-4">
      <a
        href="#main"
        className="fixed top-1 left-1 z-50 -translate-y-20 rounded-md bg-accent px-3 py-2 text-on-accent focus:translate-y-0"
      >
        {copy.common.skip}
      </a>
      <Link href="/brains" className="flex items-center gap-2.5 rounded-md font-semibold">
        <Logo />
        <span className={children ? 'sr-only sm:not-sr-only' : ''}>{copy.common.product}</span>
      </Link>
      <div className="flex min-w-0 flex-1 items-center gap-1">{children}</div>
      <Menu
        trigger={
          <Button
            look="quiet"
            size="icon"
            aria-label={copy.common.openMenu}
            className="rounded-full! border border-line"
          >
            <UserRound size={18} aria-hidden="true" />
          </Button>
        }
        heading={
          me?.person && (
            <>
              <span className="block font-semibold text-text">{me.person.name}</span>
              <span className="block">{me.person.email}</span>
              <span className="block">{me.tenant.name}</span>
            </>
          )
        }
        groups={[
          others.map(({ id, name }) => ({
            label: name,
            current: id === me?.tenant.id,
            onSelect: () => void switchTo(id),
          })),
          [{ label: copy.common.settings, onSelect: () => navigate('/settings/appearance') }],
          [{ label: copy.common.signOut, onSelect: () => void signOut() }],
        ]}
      />
    </header>
  );
}
