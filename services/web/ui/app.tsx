/** Addresses and their screens; what needs a session asks for one first. */
import { useQueryClient } from '@tanstack/react-query';
import { lazy, type ReactNode, Suspense, useEffect } from 'react';
import { Link, Redirect, Route, Switch } from 'wouter';
import { BrainScreen } from './brain/brain-screen.tsx';
import { BrainsScreen } from './brains/brains-screen.tsx';
import { useCopy } from './copy/index.tsx';
import { followEvents } from './data/live.ts';
import { isSignedOut, useMe } from './data/queries.ts';
import { Announcer } from './parts/announcer.tsx';
import { Header } from './parts/header.tsx';
import { LoadError } from './parts/states.tsx';
import { SignInScreen } from './sign-in/sign-in-screen.tsx';

const SettingsScreen = lazy(() => import('./settings/settings-screen.tsx'));

export function App() {
  return (
    <>
      <Switch>
        <Route path="/sign-in">
          <SignInScreen />
        </Route>
        <Route>
          <SignedIn>
            <Suspense>
              <Switch>
                <Route path="/">
                  <Redirect to="/brains" replace />
                </Route>
                <Route path="/brains">
                  <BrainsScreen />
                </Route>
                <Route path="/b/:brain/c/:conversation">
                  {({ brain, conversation }) => <BrainScreen key={brain} brain={brain} conversation={conversation} />}
                </Route>
                <Route path="/b/:brain">{({ brain }) => <BrainScreen key={brain} brain={brain} />}</Route>
                <Route path="/settings">
                  <Redirect to="/settings/appearance" replace />
                </Route>
                <Route path="/settings/:tab">{({ tab }) => <SettingsScreen tab={tab} />}</Route>
                <Route>
                  <NotFound />
                </Route>
              </Switch>
            </Suspense>
          </SignedIn>
        </Route>
      </Switch>
      <Announcer />
    </>
  );
}

function SignedIn({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const { data, error, refetch } = useMe();
  const signedIn = data !== undefined && !isSignedOut(error);
  useEffect(() => {
    if (!signedIn) return;
    const abort = new AbortController();
    followEvents(client, abort.signal);
    return () => abort.abort();
  }, [client, signedIn]);
  if (isSignedOut(error)) return <Redirect to={`/sign-in${data ? '?ended=1' : ''}`} replace />;
  if (error && !data) return <LoadError error={error} onRetry={() => void refetch()} />;
  return data ? children : null;
}

function NotFound() {
  const copy = useCopy();
  return (
    <>
      <Header />
      <main id="main" className="mx-auto flex max-w-xl flex-col items-start gap-4 px-4 py-24">
        <h1 className="text-xl font-semibold">{copy.common.notFound}</h1>
        <Link href="/brains" className="text-accent underline underline-offset-2">
          {copy.common.home}
        </Link>
      </main>
    </>
  );
}
