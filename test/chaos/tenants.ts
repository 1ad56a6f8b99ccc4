/** Tenants and people of a cluster, made as people make them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Quotas } from '../../services/shared/contract/people.ts';
import { routes } from '../../services/shared/contract/routes.ts';
import { Client } from '../flows/client.ts';
import type { Cluster } from './cluster.ts';

/** A session of the installation's owner, in which another tenant may be chosen. */
export async function ownerSession(cluster: Cluster): Promise<Client> {
  const client = new Client(cluster.url);
  const body = { token: await cluster.ownerLink() };
  for (;;) {
    const answer = await client.send(routes.redeemLink, { body });
    if (answer.ok) return client;
    // One network may try so many times a minute, and every tenant here comes from the same.
    const retryAfterS = Number(answer.headers.get('retry-after'));
    if (answer.status !== 429 || !(retryAfterS > 0))
      throw new Error(`sign-in: ${answer.status} ${await answer.text()}`);
    await sleep(retryAfterS * 1000);
  }
}

export interface Tenant {
  readonly id: string;
  readonly owner: Client;
}

export async function newTenant(cluster: Cluster, name: string, quotas: Partial<Quotas> = {}): Promise<Tenant> {
  const owner = await ownerSession(cluster);
  const { id } = await owner.call(routes.createTenant, { body: { name, quotas } });
  await owner.call(routes.switchTenant, { body: { tenant_id: id } });
  return { id, owner };
}

/** Of a session, without its cookies' changes: many may call at once. */
export const again = ({ url, cookie }: Client) => Client.ofSession(url, cookie);

export async function textUpload(client: Client, brain: string, text: string): Promise<Response> {
  const form = new FormData();
  form.append('file', new Blob([text]), 'text.txt');
  return client.send(routes.uploadDocument, { params: { brain }, body: form });
}
