/** All brains of the tenant. With none yet: one sentence, one button. */
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { useCopy } from '../copy/index.tsx';
import { call } from '../data/http.ts';
import { keys } from '../data/keys.ts';
import { upsert } from '../data/lists.ts';
import { useBrains, useMe } from '../data/queries.ts';
import { StaleBanner } from '../parts/banner.tsx';
import { Button } from '../parts/button.tsx';
import { Header } from '../parts/header.tsx';
import { Logo, Plus } from '../parts/icons.tsx';
import { Failure, LoadError, reasonOf, Skeleton, Spinner } from '../parts/states.tsx';
import { useTitle } from '../parts/use-title.ts';
import { BrainCard } from './brain-card.tsx';
import { BrainDialog } from './brain-dialog.tsx';

export function BrainsScreen() {
  const copy = useCopy();
  const { data: me } = useMe();
  const { data: brains, error, refetch } = useBrains();
  const [creating, setCreating] = useState(false);
  const mayWrite = me?.role !== 'viewer';
  useTitle(copy.brains.title);
  return (
    <div className="flex min-h-full flex-col">
      <Header />
      <StaleBanner />
      <main id="main" className="mx-auto w-full max-w-5xl flex-1 px-4 py-8 sm:px-8 sm:py-12">
        {me?.person && !me.person.has_password && me.sign_in.password && <PasswordHint />}
        {error && !brains ? (
          <LoadError error={error} onRetry={() => void refetch()} />
        ) : !brains ? (
          <>
            <h1 className="text-xl font-semibold">{copy.brains.title}</h1>
            <Skeleton rows={3} className="h-24" />
          </>
        ) : brains.length === 0 ? (
          <FirstUse mayWrite={mayWrite} />
        ) : (
          <>
            <div className="mb-6 flex flex-wrap items-center justify-between gap-4">
              <h1 className="text-xl font-semibold">{copy.brains.title}</h1>
              {mayWrite && (
                <Button look="primary" onClick={() => setCreating(true)}>
                  <Plus size={18} aria-hidden="true" />
                  {copy.brains.create}
                </Button>
              )}
            </div>
            <ul className="grid grid-cols-[repeat(auto-fill,minmax(min(280px,100%),1fr))] gap-4">
              {brains.map((brain) => (
                <li key={brain.id}>
                  <BrainCard brain={brain} me={me} />
                </li>
              ))}
            </ul>
          </>
        )}
      </main>
      {creating && <BrainDialog onClose={() => setCreating(false)} />}
    </div>
  );
}

/** One click makes a brain and opens it: a name can wait. */
function FirstUse({ mayWrite }: { mayWrite: boolean }) {
  const copy = useCopy();
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Error | null>(null);
  const create = async () => {
    setBusy(true);
    setFailure(null);
    try {
      const brain = await call('POST /v1/brains', { body: { name: copy.brains.firstName } });
      upsert(client, keys.brains, brain);
      navigate(`/b/${brain.id}`);
    } catch (error) {
      setFailure(error as Error);
      setBusy(false);
    }
  };
  return (
    <div className="mx-auto flex max-w-2xl flex-col items-center py-12 text-center sm:py-20">
      <Logo className="mb-6 size-14" />
      <h1 className="mb-8 max-w-[24em] text-xl font-semibold text-balance">{copy.brains.empty}</h1>
      {mayWrite ? (
        <Button look="primary" className="h-11 px-6 text-base" onClick={() => void create()} disabled={busy}>
          {busy ? <Spinner /> : <Plus size={18} aria-hidden="true" />}
          {copy.brains.createFirst}
        </Button>
      ) : (
        <p className="text-muted">{copy.brains.readOnly}</p>
      )}
      {failure && (
        <div className="mt-4">
          <Failure>{copy.chat.failed(reasonOf(failure, copy))}</Failure>
        </div>
      )}
      <ol className="mt-12 flex flex-wrap justify-center gap-x-8 gap-y-3 text-muted">
        {copy.brains.steps.map((step, index) => (
          <li key={step} className="flex items-center gap-2.5">
            <span className="grid size-6 place-items-center rounded-full border border-control text-xs font-semibold">
              {index + 1}
            </span>
            {step}
          </li>
        ))}
      </ol>
    </div>
  );
}

function PasswordHint() {
  const copy = useCopy();
  return (
    <p className="mb-8 flex flex-wrap items-center justify-between gap-3 rounded-lg border border-line bg-accent-soft px-4 py-3">
      {copy.brains.passwordHint}
      <Link href="/settings/account" className="font-semibold text-accent underline underline-offset-2">
        {copy.brains.setPassword}
      </Link>
    </p>
  );
}
