/** A rotated secret: what the foundation writes anew, and which tiers are rolled out for it. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import {
  type RotatedSecret,
  rotatedSecrets,
  rotationCount,
  rotations,
} from '../../environments/schema/secret-versions.ts';
import { settings } from '../../services/settings.ts';
import { sample } from '../environments/sample.ts';
import { type Attributes, one, type StackJson, synthesized } from './synthesized.ts';

/** Tiers on ECS; or one on instances and one in a cluster. */
const of = (secretVersions = {}, elsewhere = false) =>
  synthesized(
    sample({
      chatModel: { url: 'https://models.test/v1', model: 'm' },
      aws: { secretVersions },
      tiers: { governor: { platform: 'ecs', vcpu: 0.25, memoryMiB: 512, maxInFlight: 8 } } as never,
      ...(elsewhere && {
        kubernetes: { cluster: 'company', podCidr: '10.20.0.0/16' },
        tiers: {
          governor: undefined,
          api: { platform: 'vm', vcpu: 2, memoryMiB: 512 },
          chat: { platform: 'kubernetes', vcpu: 0.25, memoryMiB: 512, slots: 32 },
        } as never,
      }),
    }),
  );
const before = of();

/** `type.id` of what differs, without the digits that cdktf adds. */
function changed(from: StackJson | undefined, to: StackJson | undefined, kind: 'resource' | 'ephemeral' = 'resource') {
  const flat = (stack: StackJson | undefined): Record<string, Attributes> =>
    Object.fromEntries(
      Object.entries(stack?.[kind] ?? {}).flatMap(([type, byId]) =>
        Object.entries(byId).map(([id, attributes]) => [`${type}.${id}`, attributes]),
      ),
    );
  const [was, is] = [flat(from), flat(to)];
  return [...new Set([...Object.keys(was), ...Object.keys(is)])]
    .filter((key) => JSON.stringify(was[key]) !== JSON.stringify(is[key]))
    .map((key) => key.replace(/_[0-9A-F]{8}$/, ''))
    .toSorted();
}
const versions = (...ids: string[]) => ids.map((id) => `aws_secretsmanager_secret_version.${id}_version`);
const databaseTiers = ['api', 'chat', 'document-worker', 'vectorstore'];
const tasks = (...tiers: string[]) => tiers.map((tier) => `aws_ecs_task_definition.${tier}_ecs_task`);

/** What the foundation changes, and the tiers whose replicas are new. */
const expected: Partial<Record<RotatedSecret, [foundation: string[], tiers: string[]]>> = {
  DATABASE_URL: [
    versions('postgres_role-passwords', ...databaseTiers.map((tier) => `postgres_url-${tier}`)),
    databaseTiers,
  ],
  DATABASE_OWNER_URL: [
    ['aws_db_instance.postgres_instance', ...versions('postgres_password', 'postgres_url-owner')],
    ['api'],
  ],
  REDIS_URL: [
    [
      'aws_elasticache_replication_group.redis_group',
      'aws_secretsmanager_secret_version.redis_token-version',
      'aws_secretsmanager_secret_version.redis_token-version-2',
      ...versions('redis_url'),
    ],
    ['api', 'chat', 'document-worker', 'governor'],
  ],
  GOVERNOR_TOKEN: [versions('GOVERNOR_TOKEN'), ['chat', 'governor']],
  AUTH_SECRET: [versions('AUTH_SECRET'), ['api', 'chat']],
  SERVICE_TOKEN_PRIVATE_KEY: [
    versions('service-keys_chat', 'service-keys_document-worker', 'service-keys_public'),
    ['chat', 'document-worker', 'vectorstore'],
  ],
  // A person put the value: Terraform must not write over it.
  MODEL_API_KEY: [[], ['chat']],
};

test.each(Object.entries(expected))(
  '%s: its new value, and new replicas of who reads it',
  (secret, [foundation, tiers]) => {
    const after = of({ [secret]: 2 });
    expect(changed(before.foundation, after.foundation)).toEqual(foundation.toSorted());
    expect(changed(before.service, after.service)).toEqual(tasks(...tiers).toSorted());
  },
);

test('what depends on a new value reads that one: until it is written, its version is unknown', () => {
  const after = of({ DATABASE_URL: 2, DATABASE_OWNER_URL: 3 });
  const read = (id: string) => after.foundation.ephemeral?.aws_secretsmanager_secret_version?.[id];
  for (const id of ['postgres_role_passwords', 'postgres_password'])
    expect(read(`${id}_stored`)).toEqual({
      secret_id: expect.stringMatching(/\.secret_id\}$/),
      version_id: expect.stringMatching(/_version_[0-9A-F]{8}\.version_id\}$/),
    });
  expect(one(after.foundation, 'aws_db_instance')).toMatchObject({ password_wo_version: 3 });
});

test('another rotation is other replicas again, of those that read the secret', () => {
  const reader = { settings: ['AUTH_SECRET'] } as const;
  const counts = [{}, { AUTH_SECRET: 2 }, { AUTH_SECRET: 3 }, { AUTH_SECRET: 3, REDIS_URL: 2 }];
  expect(counts.map((versions) => rotationCount(versions, reader))).toEqual([0, 1, 2, 2]);
  expect(counts.map((versions) => rotationCount(versions))).toEqual([0, 1, 2, 3]);
});

test('on instances the boot script changes, in a cluster the secret and the pods', () => {
  const [was, is] = [of({}, true), of({ AUTH_SECRET: 2 }, true)];
  const scripts = Object.keys(is.service.locals ?? {}).filter(
    (id) => is.service.locals?.[id] !== was.service.locals?.[id],
  );
  expect(scripts.map((id) => id.split('_')[0])).toEqual(['api']);
  const types = changed(was.kubernetes, is.kubernetes).map((id) => id.replace(/\.chat_.*/, ''));
  expect(types).toEqual(['kubernetes_deployment_v1', 'kubernetes_secret_v1']);
});

test('every secret there is can be rotated, and the docs say what that does', () => {
  const covered = rotatedSecrets.flatMap((secret) => [...rotations[secret].settings]);
  const secrets = Object.entries(settings).flatMap(([name, setting]) => ('secret' in setting ? [name] : []));
  expect(covered.toSorted()).toEqual(secrets.toSorted());
  const page = readFileSync(new URL('../../docs/operating.md', import.meta.url), 'utf8');
  expect(rotatedSecrets.filter((secret) => !page.includes(`\`${secret}\``))).toEqual([]);
});
