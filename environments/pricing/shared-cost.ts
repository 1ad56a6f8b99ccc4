/** What the parts that all tiers share cost in a month: network, balancers, stores, keys, alarms. */
import { nodesOf } from '../budget/kubernetes-nodes.ts';
import type { At, CostedEnvironment } from './costed-environment.ts';
import { type CostLine, hoursPerMonth, lineMaker } from './lines.ts';
import { nodeShare } from './tier-cost.ts';
import { defaultUsage, natInstanceType, natVolumeGiB, nodeVolumeGiB, type Usage } from './usage.ts';

export function sharedMonthlyUsd(environment: CostedEnvironment, at: At): CostLine[] {
  const usage = { ...defaultUsage, ...environment.usage };
  return [
    ...network(environment, usage),
    ...balancers(environment, usage),
    ...postgres(environment, usage),
    ...redis(environment),
    ...documents(environment, usage),
    ...watch(environment, usage),
    ...cluster(environment, usage, at),
  ];
}

/** The way out: gateways are billed by hour and GB, an instance by hour, endpoints by hour, zone and GB. */
function network({ aws, counts }: CostedEnvironment, usage: Usage): CostLine[] {
  const line = lineMaker('network', aws.region);
  const traffic = [
    line('to the internet', usage.outGb, 'transfer/out'),
    line('between zones, both ways', usage.crossZoneGb * 2, 'transfer/cross-az'),
  ];
  if (aws.existing?.network) return [line('way out and endpoints: not ours', 0, 'nat/hour'), ...traffic];
  const gateways = { none: 0, instance: 0, single: 1, 'per-az': aws.zones.length }[aws.nat];
  const addresses = aws.nat === 'instance' ? 1 : gateways;
  const endpoints = aws.endpoints ? counts.interfaceEndpoints * aws.zones.length : 0;
  const natType = natInstanceType[aws.architecture];
  return [
    ...(gateways > 0
      ? [
          line(`${gateways} x NAT gateway`, gateways * hoursPerMonth, 'nat/hour'),
          line('through the NAT gateway', usage.natGb, 'nat/gb'),
        ]
      : []),
    ...(aws.nat === 'instance'
      ? [line(`NAT instance ${natType}`, hoursPerMonth, `ec2/${natType}`), line('its disk', natVolumeGiB, 'ebs/gp3')]
      : []),
    ...(addresses > 0 ? [line(`${addresses} x public IPv4 of the NAT`, addresses * hoursPerMonth, 'ipv4/hour')] : []),
    ...(endpoints > 0
      ? [
          line(`${endpoints} x interface endpoint and zone`, endpoints * hoursPerMonth, 'endpoint/hour'),
          line('through the endpoints', usage.natGb, 'endpoint/gb'),
        ]
      : []),
    ...traffic,
  ];
}

function balancers({ aws }: CostedEnvironment, usage: Usage): CostLine[] {
  const line = lineMaker('balancers', aws.region);
  return [
    line('public balancer', hoursPerMonth, 'alb/hour'),
    line('internal balancer', hoursPerMonth, 'alb/hour'),
    line('load of both', 2 * usage.balancerLcu * hoursPerMonth, 'alb/lcu'),
    line(`${aws.zones.length} x public IPv4`, aws.zones.length * hoursPerMonth, 'ipv4/hour'),
  ];
}

function postgres({ aws }: CostedEnvironment, usage: Usage): CostLine[] {
  const line = lineMaker('postgres', aws.region);
  if (aws.existing?.postgres) return [line('not ours', 0, 'rds/backup')];
  const { instanceClass, storageGiB, multiAz, backupDays } = aws.postgres;
  const suffix = multiAz ? '/multi-az' : '';
  return [
    line(`${instanceClass}${multiAz ? ', with standby' : ''}`, hoursPerMonth, `rds/${instanceClass}${suffix}`),
    line('storage', storageGiB, `rds/gp3${suffix}`),
    // Backups up to the size of the storage are free: the first full copy. What changes each day comes on top.
    line(`backups of ${backupDays} days`, storageGiB * usage.dailyChangeShare * backupDays, 'rds/backup'),
    line('its log', usage.postgresLogGb, 'logs/ingest'),
  ];
}

function redis({ aws }: CostedEnvironment): CostLine[] {
  const { nodeType, nodes, engine = 'valkey' } = aws.redis;
  const line = lineMaker('redis', aws.region);
  if (aws.existing?.redis) return [line('not ours', 0, `elasticache/${nodeType}/${engine}`)];
  return [line(`${nodes} x ${nodeType}, ${engine}`, nodes * hoursPerMonth, `elasticache/${nodeType}/${engine}`)];
}

function documents({ aws }: CostedEnvironment, usage: Usage): CostLine[] {
  const line = lineMaker('object store', aws.region);
  return [
    ...(aws.existing?.documents
      ? [line('documents, results, vectors: not ours', 0, 's3/standard')]
      : [
          line('documents, results, vectors', usage.documentsGb, 's3/standard'),
          line('writes', usage.putThousands, 's3/put'),
          line('reads', usage.getThousands, 's3/get'),
        ]),
    line('container images', usage.imagesGb, 'ecr/storage'),
    ...(aws.auditLogs && !aws.existing?.network
      ? [line('logs of connections', usage.connectionLogGb, 'logs/vended-s3')]
      : []),
  ];
}

function watch({ aws, counts }: CostedEnvironment, usage: Usage): CostLine[] {
  const line = lineMaker('keys and alarms', aws.region);
  const pieces = [
    ['secrets', counts.secrets, 'secrets/secret'],
    ['encryption keys', counts.kmsKeys, 'kms/key'],
    ['metrics that alarms read', counts.alarms, 'cloudwatch/alarm'],
    ['dashboards', counts.dashboards, 'cloudwatch/dashboard'],
    ['custom metrics', counts.metrics, 'cloudwatch/metric'],
    ['hosted zones', counts.hostedZones, 'route53/zone'],
    ['web firewall', counts.wafRules > 0 ? 1 : 0, 'waf/acl'],
    ['its rules', counts.wafRules, 'waf/rule'],
  ] as const;
  return [
    ...pieces.filter(([, count]) => count !== 0).map(([what, count, item]) => line(`${count} x ${what}`, count, item)),
    ...(counts.wafRules > 0 ? [line('requests it looks at', usage.publicRequestMillions, 'waf/requests')] : []),
    ...(aws.existing?.keyArn ? [line('encryption key: not ours', 0, 'kms/key')] : []),
    ...(aws.hostedZoneId ? [line('hosted zone: not ours', 0, 'route53/zone')] : []),
  ];
}

/** The control plane, and the part of the nodes that no tier takes: with the tiers' shares it adds up to all nodes. */
function cluster({ aws, tiers, kubernetes }: CostedEnvironment, usage: Usage, at: At): CostLine[] {
  if (!kubernetes) return [];
  const { instanceType, ownCluster } = kubernetes;
  const line = lineMaker('kubernetes', aws.region);
  const placements = Object.values(tiers)
    .flat()
    .filter(({ platform }) => platform === 'kubernetes');
  const nodes = nodesOf(kubernetes, placements);
  const taken = placements.reduce(
    (sum, placement) => sum + placement.replicas[at] * nodeShare(placement, instanceType),
    0,
  );
  if (nodes > 0 && taken > nodes)
    throw new Error(
      `tiers on 'kubernetes' need ${Math.ceil(taken * 100) / 100} x ${instanceType}, given nodes ${nodes}; ` +
        `nearest: nodes ${Math.ceil(taken)}`,
    );
  return [
    ...(ownCluster
      ? [
          line('control plane', hoursPerMonth, 'eks/hour'),
          line('its log', usage.controlPlaneLogGb, 'logs/ingest'),
          line('its log kept', (usage.controlPlaneLogGb * aws.logRetentionDays) / 30, 'logs/storage'),
        ]
      : [line('control plane: not ours', 0, 'eks/hour')]),
    ...(nodes > 0
      ? [
          line(`${nodes} x ${nodeVolumeGiB} GiB disk`, nodes * nodeVolumeGiB, 'ebs/gp3'),
          line(`room left on ${nodes} x ${instanceType}`, (nodes - taken) * hoursPerMonth, `ec2/${instanceType}`),
        ]
      : []),
  ];
}
