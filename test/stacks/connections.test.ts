import { describe, expect, test } from '@jest/globals';
import { postgresPort } from '../../constructs/stores/postgres.ts';
import { redisPort } from '../../constructs/stores/redis.ts';
import type { EnvironmentInput } from '../../environments/environment.ts';
import { serviceNames as every, type ServiceName, services } from '../../services/manifest.ts';

import { sample } from '../environments/sample.ts';
import { type Attributes, ofType, synthesized } from './synthesized.ts';

/** A security group's short name: a tier, a store, a balancer. */
function owner(reference: unknown): string {
  const text = String(reference);
  const known = [...every, 'public', 'internal', 'postgres', 'redis', 'network_endpoints'];
  return known.find((name) => new RegExp(`(group|\\.)${name}_security-group`).test(text)) ?? text;
}

/** Every rule as `from > to : port`, read from the end that opens (egress) and the end that admits (ingress). */
function rules(input: EnvironmentInput): { readonly opens: string[]; readonly admits: string[] } {
  const { service } = synthesized(input);
  const read = (type: string, line: (rule: Attributes) => string) =>
    Object.values(ofType(service, type)).map(line).toSorted();
  const peer = (rule: Attributes) =>
    rule.referenced_security_group_id
      ? owner(rule.referenced_security_group_id)
      : rule.prefix_list_id
        ? 's3'
        : String(rule.cidr_ipv4);
  return {
    opens: read(
      'aws_vpc_security_group_egress_rule',
      (rule) => `${owner(rule.security_group_id)} > ${peer(rule)} : ${rule.to_port}`,
    ),
    admits: read(
      'aws_vpc_security_group_ingress_rule',
      (rule) => `${peer(rule)} > ${owner(rule.security_group_id)} : ${rule.to_port}`,
    ),
  };
}

/** What the manifest declares, as the same lines. */
/** The sample leaves the optional tiers out. */
const serviceNames = every.filter((name) => name !== 'embedding' && name !== 'governor');

function declared(): string[] {
  const ports = { postgres: postgresPort, redis: redisPort } as const;
  return serviceNames.flatMap((name) => {
    const { port, routes, calls, uses } = services[name];
    const called = serviceNames.some((other) => (services[other].calls as readonly ServiceName[]).includes(name));
    return [
      ...(routes.length > 0 ? [`public > ${name} : ${port}`] : []),
      ...(called ? [`internal > ${name} : ${port}`] : []),
      ...(calls as readonly ServiceName[])
        .filter((to) => (serviceNames as readonly ServiceName[]).includes(to))
        .map((to) => `${name} > internal : ${services[to].port}`),
      ...uses.flatMap((store) => (store === 'document-store' ? [] : [`${name} > ${store} : ${ports[store]}`])),
    ];
  });
}

const model = { url: 'https://models.example.com:8443/v1', model: 'm' };

describe('security groups', () => {
  test('admit what the manifest declares, the public balancer’s two ports, and nothing else', () => {
    expect(rules(sample()).admits).toEqual(
      [...declared(), '0.0.0.0/0 > public : 443', '0.0.0.0/0 > public : 80'].toSorted(),
    );
  });

  test('open the same, and to S3 and AWS APIs', () => {
    const platform = serviceNames.flatMap((name) => [`${name} > s3 : 443`, `${name} > 0.0.0.0/0 : 443`]);
    expect(rules(sample()).opens).toEqual([...declared(), ...platform].toSorted());
  });

  test('with endpoints, nothing reaches the internet that declares no egress', () => {
    const { opens } = rules(sample({ aws: { endpoints: true } }));
    expect(opens.filter((line) => line.includes('0.0.0.0/0'))).toEqual([]);
    expect(opens).toContain('web > network_endpoints : 443');
  });

  test('open the port of a foreign endpoint to the tiers that declare it', () => {
    const { opens } = rules(sample({ chatModel: model, aws: { endpoints: true } }));
    expect(opens.filter((line) => line.includes('0.0.0.0/0'))).toEqual(['chat > 0.0.0.0/0 : 8443']);
  });

  test('a governor stands between chat and its model, and shares its slots by Redis', () => {
    const governor = { platform: 'ecs', vcpu: 0.25, memoryMiB: 512, maxInFlight: 8 } as const;
    const { opens } = rules(sample({ chatModel: model, tiers: { governor } as never }));
    for (const line of [
      `chat > internal : ${services.governor.port}`,
      `internal > governor : ${services.governor.port}`,
      `governor > redis : ${redisPort}`,
      'governor > 0.0.0.0/0 : 8443',
    ])
      expect(opens).toContain(line);
  });

  test('a tier that declares two foreign endpoints on one port opens it once', () => {
    const url = 'https://models.example.com/v1';
    const { opens } = rules(
      sample({
        chatModel: { url, model: 'm' },
        embeddingModel: { url, model: 'e', dimensions: 8 },
        aws: { oidc: { issuer: 'https://login.example.com', clientId: 'c' }, endpoints: true },
      }),
    );
    expect(opens.filter((line) => line.includes('0.0.0.0/0'))).toEqual([
      'api > 0.0.0.0/0 : 443',
      'chat > 0.0.0.0/0 : 443',
      'document-worker > 0.0.0.0/0 : 443',
    ]);
  });
});
