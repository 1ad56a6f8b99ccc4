/** Starts the page. */
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { setNonce } from 'get-nonce';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import './app.css';
import { CopyProvider } from './copy/index.tsx';
import { mayRetry } from './data/queries.ts';
import { FaultScreen, reloadAfterUpdate } from './parts/fault-screen.tsx';

// Dialogs lock the scroll behind them with a style tag; the policy wants this response's nonce on it.
const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce;
if (nonce) setNonce(nonce);

const client = new QueryClient({
  defaultOptions: {
    // The event stream keeps lists current, so a list in the cache is not stale by age.
    queries: { staleTime: Number.POSITIVE_INFINITY, retry: mayRetry, refetchOnWindowFocus: false },
    mutations: { retry: false },
  },
});

reloadAfterUpdate();
const root = document.getElementById('root');
if (!root) throw new Error('the page has no element with the id root');
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <CopyProvider>
        <FaultScreen>
          <App />
        </FaultScreen>
      </CopyProvider>
    </QueryClientProvider>
  </StrictMode>,
);
