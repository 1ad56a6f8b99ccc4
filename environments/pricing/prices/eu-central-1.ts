/**
 * Prices of eu-central-1 (Frankfurt). Copies of AWS's price lists made by others; each source says which list and when. What
 * no source had is missing, and an environment that needs it is refused: Fargate Spot, scratch disks above 20 GiB, logs of
 * connections, m6i, db.m7g without a standby, db.r7g, cache.r7g.
 */
import { priceBook } from './price-book.ts';

export const euCentral1 = priceBook('eu-central-1', [
  {
    source:
      'AWS Price List Bulk API, copied by github.com/catchmeif404/aws-cost-calculator eu-central-1-pricing.json, fetched 2026-09-03',
    asOf: '2026-09-03',
    amounts: [
      ['vCPU-hour', { 'fargate/vcpu/x86_64': 0.04656, 'fargate/vcpu/arm64': 0.03725 }],
      ['GB-hour', { 'fargate/gb/x86_64': 0.00511, 'fargate/gb/arm64': 0.00409 }],
      ['instance-hour', { 'ec2/t3.micro': 0.012, 'ec2/t3.small': 0.024, 'ec2/t3.medium': 0.048 }],
      ['GB-month', { 'ebs/gp3': 0.0952 }],
      ['hour', { 'nat/hour': 0.052, 'alb/hour': 0.027, 'nlb/hour': 0.027, 'endpoint/hour': 0.012, 'eks/hour': 0.1 }],
      ['GB', { 'nat/gb': 0.052, 'endpoint/gb': 0.01, 'transfer/out': 0.09, 'transfer/cross-az': 0.01 }],
      ['LCU-hour', { 'alb/lcu': 0.008, 'nlb/lcu': 0.006 }],
      [
        'instance-hour',
        {
          'rds/db.t4g.micro': 0.019,
          'rds/db.t4g.small': 0.037,
          'rds/db.t4g.medium': 0.074,
          'rds/db.r6g.large': 0.274,
          'rds/db.t4g.micro/multi-az': 0.037,
          'rds/db.t4g.small/multi-az': 0.074,
          'rds/db.t4g.medium/multi-az': 0.149,
          'rds/db.r6g.large/multi-az': 0.549,
        },
      ],
      ['GB-month', { 'rds/gp3': 0.137 }],
      ['ACU-hour', { 'aurora/acu': 0.14 }],
      [
        'node-hour',
        {
          'elasticache/cache.t4g.micro/redis': 0.018,
          'elasticache/cache.t4g.small/redis': 0.036,
          'elasticache/cache.t4g.medium/redis': 0.072,
          'elasticache/cache.r6g.large/redis': 0.247,
        },
      ],
      ['GB-month', { 's3/standard': 0.0245, 'efs/standard': 0.36, 'ecr/storage': 0.1, 'logs/storage': 0.0324 }],
      ['GB', { 'logs/ingest': 0.63 }],
      ['alarm-month', { 'cloudwatch/alarm': 0.1 }],
      ['secret-month', { 'secrets/secret': 0.4 }],
      ['key-month', { 'kms/key': 1 }],
      ['month', { 'waf/acl': 5, 'waf/rule': 1, 'route53/zone': 0.5 }],
      ['million requests', { 'waf/requests': 0.6 }],
    ],
  },
  {
    source: 'AWS price list of AmazonEC2 in eu-central-1, version 20260903195206, quoted by a load test in public code',
    asOf: '2026-09-04',
    amounts: [['instance-hour', { 'ec2/m7g.large': 0.0978 }]],
  },
  {
    source: 'AWS price list of AmazonS3 in eu-central-1, published 2026-09-28, quoted by a design found in public code',
    asOf: '2026-09-28',
    amounts: [['1000 requests', { 's3/put': 0.0054, 's3/get': 0.00043 }]],
  },
  {
    source:
      'AWS Price List API files of eu-central-1, checked 2026-10-08 for a hosting comparison in public documentation',
    asOf: '2026-10-08',
    amounts: [
      ['instance-hour', { 'ec2/t4g.micro': 0.0096, 'ec2/t4g.small': 0.0192 }],
      ['GB-month', { 'rds/gp3/multi-az': 0.274, 'rds/backup': 0.103 }],
      ['node-hour', { 'elasticache/cache.t4g.micro/valkey': 0.0144 }],
      ['address-hour', { 'ipv4/hour': 0.005 }],
      ['metric-month', { 'cloudwatch/metric': 0.3 }],
    ],
  },
  {
    source: 'AWS on-demand list of eu-central-1, checked 2026-10-08 by a load test found in public code',
    asOf: '2026-10-08',
    amounts: [['instance-hour', { 'ec2/m7i.xlarge': 0.2304, 'ec2/m7i.2xlarge': 0.4608 }]],
  },
  {
    source: 'AWS price list of AmazonRDS in eu-central-1, read 2026-10-07 for a design found in public documentation',
    asOf: '2026-10-07',
    amounts: [['instance-hour', { 'rds/db.m7g.large/multi-az': 0.401 }]],
  },
  {
    source:
      'AWS CloudWatch pricing as told by factualminds.com (Amazon CloudWatch Pricing: The 10 Billing Dimensions, 2026-06-13); dashboards are billed without a region',
    asOf: '2026-06-13',
    amounts: [['dashboard-month', { 'cloudwatch/dashboard': 3 }]],
  },
  {
    source:
      'github.com/skypilot-org/skypilot-catalog catalogs/v8/aws/vms.csv at 00148f2, generated from the AWS Price List API, without its date; version 8 is of November 2025 or later',
    asOf: '2025-11-12',
    amounts: [
      [
        'instance-hour',
        {
          'ec2/c7g.medium': 0.0412,
          'ec2/c7g.large': 0.0825,
          'ec2/c7g.xlarge': 0.1649,
          'ec2/c7g.2xlarge': 0.3298,
          'ec2/c7g.4xlarge': 0.6596,
          'ec2/r7g.medium': 0.0646,
          'ec2/r7g.large': 0.1292,
          'ec2/r7g.xlarge': 0.2584,
          'ec2/r7g.2xlarge': 0.5168,
          'ec2/r7g.4xlarge': 1.0336,
        },
      ],
    ],
  },
  {
    source: 'scaled: family prices grow with size; Valkey is 0.8 of Redis OSS',
    asOf: '2026-10-08',
    amounts: [
      [
        'instance-hour',
        {
          'ec2/t4g.nano': 0.0048,
          'ec2/t4g.medium': 0.0384,
          'ec2/t4g.large': 0.0768,
          'ec2/t4g.xlarge': 0.1536,
          'ec2/t4g.2xlarge': 0.3072,
          'ec2/t3.nano': 0.006,
          'ec2/t3.large': 0.096,
          'ec2/t3.xlarge': 0.192,
          'ec2/t3.2xlarge': 0.384,
          'ec2/m7g.medium': 0.0489,
          'ec2/m7g.xlarge': 0.1956,
          'ec2/m7g.2xlarge': 0.3912,
          'ec2/m7g.4xlarge': 0.7824,
          'ec2/m7i.large': 0.1152,
          'ec2/m7i.4xlarge': 0.9216,
        },
      ],
      ['instance-hour', { 'rds/db.t4g.large': 0.148, 'rds/db.t4g.large/multi-az': 0.298 }],
      [
        'node-hour',
        {
          'elasticache/cache.t4g.small/valkey': 0.0288,
          'elasticache/cache.t4g.medium/valkey': 0.0576,
          'elasticache/cache.r6g.large/valkey': 0.1976,
        },
      ],
    ],
  },
]);
