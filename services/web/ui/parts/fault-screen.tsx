/** What is shown when the page itself fails: never a white screen. */
import { Component, type ReactNode } from 'react';
import { copyFor } from '../copy/index.tsx';
import { Button } from './button.tsx';
import { Failure } from './states.tsx';

export class FaultScreen extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    const copy = copyFor(document.documentElement.lang === 'ko' ? 'ko' : 'en');
    return (
      <main className="mx-auto flex max-w-xl flex-col items-start gap-4 px-4 py-24">
        <h1 className="text-xl font-semibold">{copy.common.product}</h1>
        <Failure>{copy.common.error(error.message)}</Failure>
        <Button look="primary" onClick={() => location.reload()}>
          {copy.common.tryAgain}
        </Button>
      </main>
    );
  }
}

/** After an update the parts of the old page are gone; loading the new page mends that. Once, or it would never end. */
export function reloadAfterUpdate(): void {
  addEventListener('vite:preloadError', (event) => {
    const last = Number(sessionStorage.getItem('reloaded-at') ?? 0);
    if (Date.now() - last < 60_000) return;
    event.preventDefault();
    sessionStorage.setItem('reloaded-at', String(Date.now()));
    location.reload();
  });
}
