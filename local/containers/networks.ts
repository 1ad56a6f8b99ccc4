/**
 * The connection matrix as local networks. Every declared edge is a network of its own, so a tier reaches what it
 * declares and nothing else. A network has no direction: what is called could call back, which security groups and
 * network policies forbid in the cloud.
 */

import type { Environment } from '../../environments/environment.ts';
import { type Edge, environmentEdges } from '../../environments/wiring/connections.ts';
import type { Egress, SettingName } from '../../services/manifest.ts';

export interface Network {
  readonly internal?: true;
  readonly driver_opts?: { readonly isolate: 'true' };
}

/** The gateway's own: the only one with a port on the machine. */
export const publicNetwork = 'public';

/** The edges that exist in this environment: a way out only to an endpoint that is configured. */
export function openEdges(environment: Environment, passed: readonly SettingName[]): Edge[] {
  const { chatModel, models, reranker, parser, embeddingModel, webhooks } = environment;
  const open = {
    model: (chatModel ?? models) !== undefined || passed.includes('MODEL_URL') || passed.includes('MODELS'),
    rerank: reranker !== undefined || passed.includes('RERANK_URL'),
    parser: parser !== undefined || passed.includes('PARSER_URL'),
    embedding: embeddingModel !== undefined || passed.includes('EMBEDDING_URL'),
    'identity-provider': passed.includes('OIDC_ISSUER'),
    mail: passed.includes('SMTP_URL'),
    webhook: webhooks !== undefined || passed.includes('WEBHOOK_PORTS'),
  };
  return environmentEdges(environment).filter((edge) => edge.kind !== 'egress' || open[edge.to as Egress]);
}

/** Name of the network that carries an edge; documents are a volume and need none. */
export function networkOf(edge: Edge): string | undefined {
  if (edge.kind === 'public') return `gateway-${edge.to}`;
  if (edge.kind === 'call') return `${edge.from}-${edge.to}`;
  if (edge.kind === 'egress') return `${edge.from}-egress`;
  return edge.store === 'document-store' ? undefined : `${edge.from}-${edge.store}`;
}

/** Internal: no way to other networks, and none from them by address. Those that lead out are kept apart from others. */
export function networksOf(edges: readonly Edge[]): Record<string, Network> {
  const apart: Network = { driver_opts: { isolate: 'true' } };
  return {
    ...Object.fromEntries(
      edges.flatMap((edge) => {
        const name = networkOf(edge);
        return name ? [[name, edge.kind === 'egress' ? apart : ({ internal: true } satisfies Network)]] : [];
      }),
    ),
    [publicNetwork]: apart,
  };
}
