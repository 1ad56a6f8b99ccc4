/** One person's life over two tenants, on two replicas: whoever had a way in through one has none into the other. */
import { expect } from '@jest/globals';
import { routes } from '../../../services/shared/contract/routes.ts';
import { Client } from '../../flows/client.ts';
import type { Cluster } from '../cluster.ts';
import { newTenant } from '../tenants.ts';

const password = 'chosen in the first tenant';

export async function liveOverTwoTenants(cluster: Cluster): Promise<void> {
  const [first, second] = await Promise.all(['first', 'second'].map((name) => newTenant(cluster, name)));
  if (!first || !second) throw new Error('unreachable');
  const person = { email: `person${Date.now()}@example.com`, name: 'Person', role: 'member' };
  const mayActIn = async (client: Client): Promise<string[]> => {
    const answer = await client.send(routes.me);
    if (!answer.ok) return [];
    return ((await answer.json()) as { tenants: { id: string }[] }).tenants.map(({ id }) => id);
  };

  // Whoever administers the first tenant sees the link, takes it and sets a password, in the place of the person.
  const added = await first.owner.call(routes.addMember, { body: person });
  const taken = new Client(cluster.url);
  await taken.signInByLink(added.sign_in_token as string);
  await taken.call(routes.setPassword, { body: { new_password: password } });
  expect(await mayActIn(taken)).toEqual([first.id]);

  const invited = await second.owner.call(routes.addMember, { body: person });
  expect(await mayActIn(taken)).toEqual([first.id]);
  const bySecret = new Client(cluster.url);
  await bySecret.send(routes.signInByPassword, { body: { email: person.email, password } });
  expect(await mayActIn(bySecret)).not.toContain(second.id);

  await first.owner.call(routes.removeMember, { params: { member: added.id } });
  expect(await mayActIn(taken)).toEqual([]);
  expect(await mayActIn(bySecret)).toEqual([]);

  const real = new Client(cluster.url);
  await real.signInByLink(invited.sign_in_token as string);
  expect(await mayActIn(real)).toEqual([second.id]);
  const late = new Client(cluster.url);
  await late.send(routes.signInByPassword, { body: { email: person.email, password } });
  expect(await mayActIn(late)).not.toContain(second.id);
  expect(await mayActIn(taken)).toEqual([]);

  await second.owner.call(routes.removeMember, { params: { member: invited.id } });
  expect(await mayActIn(real)).toEqual([]);
}
