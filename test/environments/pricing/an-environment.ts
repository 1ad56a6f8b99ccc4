/** An environment to cost in tests: two tiers, one zone's worth of everything, nothing by use. */

import type { CostedAws, CostedEnvironment } from '../../../environments/pricing/costed-environment.ts';
import type { Placement } from '../../../environments/schema/placement.ts';

export const aPlacement: Placement = {
  platform: 'ecs',
  vcpu: 2,
  memoryMiB: 4096,
  replicas: { min: 1, max: 1 },
  weight: 100,
  spotPercent: 0,
  options: {},
};

export const anAws: CostedAws = {
  region: 'us-east-1',
  zones: ['a', 'b'],
  architecture: 'x86_64',
  nat: 'single',
  endpoints: false,
  postgres: { instanceClass: 'db.t4g.small', storageGiB: 40, multiAz: false, backupDays: 10 },
  redis: { nodeType: 'cache.t4g.micro', nodes: 1, engine: 'valkey' },
  logRetentionDays: 30,
};

export const noUse = {
  publicRequestMillions: 0,
  logGbPerReplica: 0,
  controlPlaneLogGb: 0,
  balancerLcu: 0,
  outGb: 0,
  natGb: 0,
  crossZoneGb: 0,
  documentsGb: 0,
  putThousands: 0,
  getThousands: 0,
  imagesGb: 0,
  dailyChangeShare: 0,
  deployHours: 0,
};

export const noCounts = {
  secrets: 0,
  kmsKeys: 0,
  alarms: 0,
  dashboards: 0,
  metrics: 0,
  interfaceEndpoints: 0,
  hostedZones: 0,
  wafRules: 0,
};

export const anEnvironment: CostedEnvironment = {
  name: 'test',
  tiers: {
    chat: [{ ...aPlacement, vcpu: 0.5, memoryMiB: 1024, replicas: { min: 2, max: 8 } }],
    'document-worker': [{ ...aPlacement, platform: 'vm', replicas: { min: 2, max: 2 } }],
  },
  aws: anAws,
  counts: { ...noCounts, secrets: 5, kmsKeys: 1, alarms: 10, metrics: 3 },
};
