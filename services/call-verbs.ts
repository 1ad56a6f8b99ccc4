/**
 * What each caller may do where it calls; the callee holds it, whatever the caller signs. A call that the manifest
 * declares and that has no verb here does not compile.
 */
import type { ServiceName, services } from './manifest.ts';

/** What a call is for. */
export type Verb = 'search' | 'read' | 'write' | 'delete' | 'embed';

type Called<From extends ServiceName> = (typeof services)[From]['calls'][number];
/** By each service that is called; a service may call itself as it warms up, with a key that never leaves the process. */
type Verbs<From extends ServiceName> = Readonly<
  Record<Called<From>, readonly Verb[]> & Partial<Record<From, readonly Verb[]>>
>;

type Caller = {
  [From in ServiceName]: (typeof services)[From]['calls'] extends readonly [] ? never : From;
}[ServiceName];
type CallVerbs = { readonly [From in Caller]: Verbs<From> } & { readonly [From in ServiceName]?: Verbs<From> };

export const callVerbs: CallVerbs = {
  // The governor sees what the model's endpoint would: no token of ours.
  chat: { vectorstore: ['search'], embedding: ['embed'], governor: [] },
  'document-worker': { vectorstore: ['read', 'write', 'delete'], embedding: ['embed'] },
  vectorstore: { vectorstore: ['search'] },
  embedding: { embedding: ['embed'] },
};

/** What `from` may do at `to`; nothing where no call is declared. */
export const verbsOf = (from: ServiceName, to: ServiceName): readonly Verb[] =>
  (callVerbs[from] as Partial<Record<ServiceName, readonly Verb[]>> | undefined)?.[to] ?? [];
