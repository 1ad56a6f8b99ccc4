/** Signing in: by password, by the company's account, or by a one-time link. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useCallback, useEffect, useState } from 'react';
import { useLocation, useSearchParams } from 'wouter';
import { type Copy, useCopy } from '../copy/index.tsx';
import { ApiError, call, callAuth } from '../data/http.ts';
import { keys } from '../data/keys.ts';
import { Button } from '../parts/button.tsx';
import { Field, textOf } from '../parts/field.tsx';
import { Logo } from '../parts/icons.tsx';
import { Failure, reasonOf, Spinner } from '../parts/states.tsx';
import { LinkConfirm } from './link-confirm.tsx';

export function SignInScreen() {
  const copy = useCopy();
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [search] = useSearchParams();
  const [busy, setBusy] = useState(false);
  // The company's sign-in comes back here when it let nobody in.
  const refused = search.get('error_description') ?? search.get('error');
  const [failure, setFailure] = useState<string | null>(refused && copy.signIn.failed(refused));
  const token = useLinkToken();
  const [failedToken, setFailedToken] = useState<string | null>(null);
  const { data: methods } = useQuery({
    queryKey: keys.methods,
    queryFn: () => call('GET /v1/auth/methods'),
  });

  const linkFailed = useCallback(
    (error: Error) => {
      history.replaceState(null, '', '/sign-in');
      setFailedToken(token);
      setFailure(isRefusal(error) ? copy.signIn.linkUsed : copy.signIn.failed(reasonOf(error, copy)));
    },
    [copy, token],
  );

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setFailure(null);
    try {
      const body = { email: textOf(form, 'email').trim(), password: textOf(form, 'password') };
      await call('POST /v1/auth/sign-in/email', { body });
      client.clear();
      navigate('/brains', { replace: true });
    } catch (error) {
      setFailure(signInFailure(error as Error, copy));
      setBusy(false);
    }
  };
  const company = async () => {
    setFailure(null);
    try {
      const body = { provider: 'company', callbackURL: '/brains', errorCallbackURL: '/sign-in' };
      const { url } = (await callAuth('/v1/auth/sign-in/social', body)) as { url: string };
      location.assign(url);
    } catch (error) {
      setFailure(copy.signIn.failed(reasonOf(error as Error, copy)));
    }
  };

  if (token && token !== failedToken) return <LinkConfirm key={token} token={token} onFailure={linkFailed} />;
  return (
    <main className="grid min-h-full place-items-center bg-surface px-4 py-12">
      <div className="w-full max-w-[400px]">
        <div className="mb-8 flex flex-col items-center gap-3 text-center">
          <Logo className="size-12" />
          <p className="text-xl font-semibold">{copy.common.product}</p>
          <p className="max-w-[32ch] text-muted">{copy.signIn.lead}</p>
        </div>
        <div className="rounded-lg border border-line bg-bg p-6 sm:p-8">
          <h1 className="mb-6 text-lg font-semibold">{copy.signIn.title}</h1>
          {search.has('ended') && !failure && <p className="mb-4 text-warn">{copy.signIn.expired}</p>}
          {methods?.oidc && (
            <>
              <Button className="w-full" onClick={() => void company()}>
                {copy.signIn.company}
              </Button>
              {methods.password && (
                <p className="my-4 flex items-center gap-3 text-xs text-muted before:h-px before:flex-1 before:bg-line after:h-px after:flex-1 after:bg-line">
                  {copy.signIn.or}
                </p>
              )}
            </>
          )}
          {methods?.password !== false && (
            <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4">
              <Field label={copy.signIn.email} name="email" type="email" autoComplete="username" required />
              <Field
                label={copy.signIn.password}
                name="password"
                type="password"
                autoComplete="current-password"
                required
              />
              {failure && <Failure>{failure}</Failure>}
              <Button type="submit" look="primary" className="mt-2 w-full" disabled={busy}>
                {busy && <Spinner />}
                {copy.signIn.submit}
              </Button>
            </form>
          )}
          {methods?.password === false && failure && (
            <div className="mt-4">
              <Failure>{failure}</Failure>
            </div>
          )}
        </div>
      </div>
    </main>
  );
}

/** The token stands behind `#`, so that no server and no log ever sees it. */
/** A link opened while this screen is shown changes the fragment alone: no new page is loaded. */
function useLinkToken(): string | null {
  const [token, setToken] = useState(linkToken);
  useEffect(() => {
    const read = () => setToken(linkToken());
    addEventListener('hashchange', read);
    return () => removeEventListener('hashchange', read);
  }, []);
  return token;
}

const linkToken = () => new URLSearchParams(location.hash.slice(1)).get('token');

function isRefusal(error: Error): boolean {
  return error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429;
}

function signInFailure(error: Error, copy: Copy): string {
  if (error instanceof ApiError && error.status === 429) return copy.signIn.tooMany;
  return isRefusal(error) ? copy.signIn.wrong : copy.signIn.failed(reasonOf(error, copy));
}
