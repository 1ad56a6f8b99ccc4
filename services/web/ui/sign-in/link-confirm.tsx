/**
 * Who a one-time link signs in, and the click that does it. Without the click, a link that somebody sent would sign a
 * person in as somebody else, who then sees what the person adds.
 */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import { useCopy } from '../copy/index.tsx';
import { call } from '../data/http.ts';
import { keys } from '../data/keys.ts';
import { Button } from '../parts/button.tsx';
import { Logo } from '../parts/icons.tsx';
import { Spinner } from '../parts/states.tsx';

interface LinkConfirmProps {
  readonly token: string;
  readonly onFailure: (error: Error) => void;
}

export function LinkConfirm({ token, onFailure }: LinkConfirmProps) {
  const copy = useCopy();
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [busy, setBusy] = useState(false);
  const { data: owner, error } = useQuery({
    queryKey: [...keys.link, token],
    queryFn: () => call('POST /v1/auth/link:inspect', { body: { token } }),
    retry: false,
  });
  useEffect(() => {
    if (error) onFailure(error);
  }, [error, onFailure]);

  const redeem = async () => {
    setBusy(true);
    try {
      const me = await call('POST /v1/auth/link:redeem', { body: { token } });
      client.clear();
      client.setQueryData(keys.me, me);
      navigate('/brains', { replace: true });
    } catch (error) {
      onFailure(error as Error);
    }
  };

  return (
    <main className="grid min-h-full place-items-center bg-surface px-4 py-12" aria-busy={!owner || busy}>
      {owner ? (
        <div className="flex w-full max-w-[400px] flex-col items-center gap-4 rounded-lg border border-line bg-bg p-6 text-center sm:p-8">
          <Logo className="size-12" />
          <h1 className="text-lg font-semibold">{copy.signIn.linkTitle}</h1>
          <p className="w-full break-words">
            <span className="font-semibold">{owner.name}</span>
            <br />
            {owner.email}
            {owner.tenant && (
              <>
                <br />
                {copy.signIn.linkTenant(owner.tenant.name)}
              </>
            )}
          </p>
          <Button look="primary" className="w-full" disabled={busy} onClick={() => void redeem()}>
            {busy && <Spinner />}
            {copy.signIn.linkConfirm}
          </Button>
          <p className="text-xs text-muted">{copy.signIn.linkWarning}</p>
        </div>
      ) : (
        <p role="status" className="flex items-center gap-3 text-base">
          <Spinner size={20} />
          {copy.common.loading}
        </p>
      )}
    </main>
  );
}
