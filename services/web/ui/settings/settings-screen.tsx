/** Settings, a tab per subject; what a role may not do is not shown. */
import { lazy, Suspense } from 'react';
import { Link } from 'wouter';
import { useCopy } from '../copy/index.tsx';
import { useMe } from '../data/queries.ts';
import { StaleBanner } from '../parts/banner.tsx';
import { Header } from '../parts/header.tsx';
import { useTitle } from '../parts/use-title.ts';
import { Account } from './account.tsx';
import { Appearance } from './appearance.tsx';

const tabs = {
  appearance: Appearance,
  account: Account,
  members: lazy(() => import('./members.tsx')),
  keys: lazy(() => import('./keys.tsx')),
  webhooks: lazy(() => import('./webhooks.tsx')),
  tenant: lazy(() => import('./limits.tsx')),
  tenants: lazy(() => import('./tenants.tsx')),
  operations: lazy(() => import('../operations/operations.tsx')),
};
type Tab = keyof typeof tabs;

export default function SettingsScreen({ tab }: { tab: string }) {
  const copy = useCopy();
  const { data: me } = useMe();
  useTitle(copy.settings.title);
  const administers = me?.role === 'owner' || me?.role === 'admin';
  const shown = (Object.keys(tabs) as Tab[]).filter(
    (name) =>
      (name !== 'keys' || administers) &&
      (name !== 'webhooks' || (me?.webhooks && me.role === 'owner')) &&
      ((name !== 'tenants' && name !== 'operations') || me?.operator) &&
      (name !== 'account' || me?.person !== null),
  );
  const current: Tab = shown.find((name) => name === tab) ?? 'appearance';
  const Content = tabs[current];
  return (
    <div className="flex min-h-full flex-col">
      <Header />
      <StaleBanner />
      <main id="main" className="mx-auto w-full max-w-5xl flex-1 px-4 py-8 sm:px-8 sm:py-12">
        <h1 className="mb-6 text-xl font-semibold">{copy.settings.title}</h1>
        <div className="flex flex-col gap-8 md:flex-row md:gap-12">
          <nav aria-label={copy.settings.title} className="shrink-0 md:w-44">
            <ul className="flex flex-wrap gap-1 md:flex-col">
              {shown.map((name) => (
                <li key={name}>
                  <Link
                    href={`/settings/${name}`}
                    aria-current={name === current ? 'page' : undefined}
                    className="flex min-h-9 items-center rounded-md px-3 text-muted hover:bg-surface hover:text-text aria-[current=page]:bg-accent-soft aria-[current=page]:font-semibold aria-[current=page]:text-text pointer-coarse:min-h-11"
                  >
                    {copy.settings.tabs[name]}
                  </Link>
                </li>
              ))}
            </ul>
          </nav>
          <div className="min-w-0 flex-1">
            <h2 className="mb-6 text-lg font-semibold">{copy.settings.tabs[current]}</h2>
            <Suspense>
              <Content />
            </Suspense>
          </div>
        </div>
      </main>
    </div>
  );
}
