/** Prices of ap-northeast-2 (Seoul). Copies of AWS's price lists made by others; each source says which list and when. */
import { priceBook } from './price-book.ts';

export const apNortheast2 = priceBook('ap-northeast-2', [
  {
    source:
      'AWS Price List Bulk API, copied by github.com/catchmeif404/aws-cost-calculator ap-northeast-2-pricing.json',
    asOf: '2026-09-03',
    amounts: [
      ['vCPU-hour', { 'fargate/vcpu/x86_64': 0.04656, 'fargate/vcpu/arm64': 0.03725 }],
      ['GB-hour', { 'fargate/gb/x86_64': 0.00511, 'fargate/gb/arm64': 0.00409 }],
      ['instance-hour', { 'ec2/t3.micro': 0.013, 'ec2/t3.small': 0.026, 'ec2/t3.medium': 0.052 }],
      ['GB-month', { 'ebs/gp3': 0.0912 }],
      ['hour', { 'nat/hour': 0.059, 'alb/hour': 0.0225, 'nlb/hour': 0.0225, 'endpoint/hour': 0.013, 'eks/hour': 0.1 }],
      ['GB', { 'nat/gb': 0.059, 'endpoint/gb': 0.01, 'transfer/out': 0.126, 'transfer/cross-az': 0.01 }],
      ['LCU-hour', { 'alb/lcu': 0.008, 'nlb/lcu': 0.006 }],
      [
        'instance-hour',
        {
          'rds/db.t4g.micro': 0.025,
          'rds/db.t4g.small': 0.051,
          'rds/db.t4g.medium': 0.102,
          'rds/db.r6g.large': 0.27,
          'rds/db.t4g.micro/multi-az': 0.051,
          'rds/db.t4g.small/multi-az': 0.102,
          'rds/db.t4g.medium/multi-az': 0.203,
          'rds/db.r6g.large/multi-az': 0.54,
        },
      ],
      ['GB-month', { 'rds/gp3': 0.131 }],
      ['ACU-hour', { 'aurora/acu': 0.2 }],
      [
        'node-hour',
        {
          'elasticache/cache.t4g.micro/redis': 0.024,
          'elasticache/cache.t4g.small/redis': 0.047,
          'elasticache/cache.t4g.medium/redis': 0.094,
          'elasticache/cache.r6g.large/redis': 0.246,
        },
      ],
      ['GB-month', { 's3/standard': 0.025, 'efs/standard': 0.33, 'ecr/storage': 0.1, 'logs/storage': 0.0314 }],
      ['GB', { 'logs/ingest': 0.76 }],
      ['alarm-month', { 'cloudwatch/alarm': 0.1 }],
      ['secret-month', { 'secrets/secret': 0.4 }],
      ['key-month', { 'kms/key': 1 }],
      ['month', { 'waf/acl': 5, 'waf/rule': 1, 'route53/zone': 0.5 }],
    ],
  },
  {
    source: 'AWS Price List offer files read 2026-10-01 for a Korean cost catalogue found in public documentation',
    asOf: '2026-10-01',
    amounts: [
      ['instance-hour', { 'ec2/t4g.micro': 0.0104, 'ec2/t4g.medium': 0.0416, 'ec2/m7g.large': 0.1003 }],
      ['instance-hour', { 'ec2/m7i.large': 0.1239, 'ec2/m6i.large': 0.118 }],
      [
        'instance-hour',
        { 'rds/db.m7g.large': 0.2344, 'rds/db.r7g.large': 0.2869, 'rds/db.r7g.large/multi-az': 0.5738 },
      ],
      ['GB-month', { 'rds/gp3/multi-az': 0.262, 'rds/backup': 0.095 }],
      ['node-hour', { 'elasticache/cache.t4g.micro/valkey': 0.0192, 'elasticache/cache.r7g.large/valkey': 0.2096 }],
      ['node-hour', { 'elasticache/cache.r7g.large/redis': 0.262 }],
      ['1000 requests', { 's3/put': 0.0045, 's3/get': 0.00035 }],
      ['address-hour', { 'ipv4/hour': 0.005 }],
      ['metric-month', { 'cloudwatch/metric': 0.3 }],
    ],
  },
  {
    source: 'AWS price list checked 2026-10-05 in a Seoul list found in public documentation',
    asOf: '2026-10-05',
    amounts: [['instance-hour', { 'ec2/t4g.small': 0.0208 }]],
  },
  {
    source:
      'scaled: family prices grow with size; Valkey is 0.8 of Redis OSS; Fargate spot at the discount of us-east-1',
    asOf: '2026-10-05',
    amounts: [
      [
        'instance-hour',
        {
          'ec2/t4g.nano': 0.0052,
          'ec2/t4g.large': 0.0832,
          'ec2/t4g.xlarge': 0.1664,
          'ec2/t4g.2xlarge': 0.3328,
          'ec2/t3.nano': 0.0065,
          'ec2/t3.large': 0.104,
          'ec2/t3.xlarge': 0.208,
          'ec2/t3.2xlarge': 0.416,
          'ec2/m7g.medium': 0.0502,
          'ec2/m7g.xlarge': 0.2006,
          'ec2/m7g.2xlarge': 0.4012,
          'ec2/m7g.4xlarge': 0.8024,
          'ec2/m6i.xlarge': 0.236,
          'ec2/m6i.2xlarge': 0.472,
          'ec2/m6i.4xlarge': 0.944,
          'ec2/m7i.xlarge': 0.2478,
          'ec2/m7i.2xlarge': 0.4956,
          'ec2/m7i.4xlarge': 0.9912,
        },
      ],
      ['instance-hour', { 'rds/db.t4g.large': 0.203, 'rds/db.t4g.large/multi-az': 0.406 }],
      ['instance-hour', { 'rds/db.m7g.large/multi-az': 0.4688 }],
      ['vCPU-hour', { 'fargate/vcpu/x86_64/spot': 0.01402, 'fargate/vcpu/arm64/spot': 0.01122 }],
      ['GB-hour', { 'fargate/gb/x86_64/spot': 0.00154, 'fargate/gb/arm64/spot': 0.00123 }],
      ['GB-hour', { 'fargate/ephemeral-gb': 0.000128 }],
      [
        'node-hour',
        {
          'elasticache/cache.t4g.small/valkey': 0.0376,
          'elasticache/cache.t4g.medium/valkey': 0.0752,
          'elasticache/cache.r6g.large/valkey': 0.1968,
        },
      ],
    ],
  },
  {
    source:
      'github.com/skypilot-org/skypilot-catalog catalogs/v8/aws/vms.csv at 00148f2, generated from the AWS Price List API, without its date; version 8 is of November 2025 or later',
    asOf: '2025-11-12',
    amounts: [
      [
        'instance-hour',
        {
          'ec2/c7g.medium': 0.0408,
          'ec2/c7g.large': 0.0816,
          'ec2/c7g.xlarge': 0.1632,
          'ec2/c7g.2xlarge': 0.3264,
          'ec2/c7g.4xlarge': 0.6528,
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
    source: 'AWS price list of awswaf in ap-northeast-2, read 2026-10-01 for a catalogue found in public documentation',
    asOf: '2026-10-01',
    amounts: [['million requests', { 'waf/requests': 0.6 }]],
  },
  {
    source:
      'AWS CloudWatch pricing as told by factualminds.com (Amazon CloudWatch Pricing: The 10 Billing Dimensions, 2026-06-13); dashboards are billed without a region',
    asOf: '2026-06-13',
    amounts: [['dashboard-month', { 'cloudwatch/dashboard': 3 }]],
  },
  {
    source:
      'scaled: logs to S3 cost half of what CloudWatch Logs ask for them, as in us-east-1 and, says dev.classmethod.jp (VPC Flow Logs to S3), in ap-northeast-1',
    asOf: '2026-09-03',
    amounts: [['GB', { 'logs/vended-s3': 0.38 }]],
  },
]);
