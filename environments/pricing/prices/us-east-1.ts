/** Prices of us-east-1 (N. Virginia). Copies of AWS's price lists made by others; each source says which list and when. */
import { priceBook } from './price-book.ts';

export const usEast1 = priceBook('us-east-1', [
  {
    source: 'AWS Price List Bulk API, copied by github.com/catchmeif404/aws-cost-calculator us-east-1-pricing.json',
    asOf: '2026-09-03',
    amounts: [
      ['vCPU-hour', { 'fargate/vcpu/x86_64': 0.04048, 'fargate/vcpu/arm64': 0.03238 }],
      ['GB-hour', { 'fargate/gb/x86_64': 0.004445, 'fargate/gb/arm64': 0.00356 }],
      ['instance-hour', { 'ec2/t3.micro': 0.0104, 'ec2/t3.small': 0.0208, 'ec2/t3.medium': 0.0416 }],
      ['GB-month', { 'ebs/gp3': 0.08 }],
      ['hour', { 'nat/hour': 0.045, 'alb/hour': 0.0225, 'nlb/hour': 0.0225, 'endpoint/hour': 0.01, 'eks/hour': 0.1 }],
      ['GB', { 'nat/gb': 0.045, 'endpoint/gb': 0.01, 'transfer/out': 0.09, 'transfer/cross-az': 0.01 }],
      ['LCU-hour', { 'alb/lcu': 0.008, 'nlb/lcu': 0.006 }],
      [
        'instance-hour',
        {
          'rds/db.t4g.micro': 0.016,
          'rds/db.t4g.small': 0.032,
          'rds/db.t4g.medium': 0.065,
          'rds/db.r6g.large': 0.225,
          'rds/db.t4g.micro/multi-az': 0.032,
          'rds/db.t4g.small/multi-az': 0.065,
          'rds/db.t4g.medium/multi-az': 0.129,
          'rds/db.r6g.large/multi-az': 0.45,
        },
      ],
      ['GB-month', { 'rds/gp3': 0.115 }],
      ['ACU-hour', { 'aurora/acu': 0.12 }],
      [
        'node-hour',
        {
          'elasticache/cache.t4g.micro/redis': 0.016,
          'elasticache/cache.t4g.small/redis': 0.032,
          'elasticache/cache.t4g.medium/redis': 0.065,
          'elasticache/cache.r6g.large/redis': 0.206,
        },
      ],
      ['GB-month', { 's3/standard': 0.023, 'efs/standard': 0.3, 'ecr/storage': 0.1, 'logs/storage': 0.03 }],
      ['GB', { 'logs/ingest': 0.5 }],
      ['alarm-month', { 'cloudwatch/alarm': 0.1 }],
      ['secret-month', { 'secrets/secret': 0.4 }],
      ['key-month', { 'kms/key': 1 }],
      ['month', { 'waf/acl': 5, 'waf/rule': 1, 'route53/zone': 0.5 }],
    ],
  },
  {
    source:
      'AWS public price list, copied by an internal cost tool found in public code (price book checked 2026-10-08)',
    asOf: '2026-10-08',
    amounts: [
      [
        'instance-hour',
        {
          'ec2/c7g.medium': 0.0363,
          'ec2/c7g.large': 0.0725,
          'ec2/c7g.xlarge': 0.145,
          'ec2/c7g.2xlarge': 0.29,
          'ec2/c7g.4xlarge': 0.58,
          'ec2/m7g.medium': 0.0408,
          'ec2/m7g.large': 0.0816,
          'ec2/m7g.xlarge': 0.1632,
          'ec2/m7g.2xlarge': 0.3264,
          'ec2/m7g.4xlarge': 0.6528,
          'ec2/m7i.large': 0.1008,
          'ec2/m7i.xlarge': 0.2016,
          'ec2/m7i.2xlarge': 0.4032,
          'ec2/m7i.4xlarge': 0.8064,
          'ec2/r7g.medium': 0.0536,
          'ec2/r7g.large': 0.1071,
          'ec2/r7g.xlarge': 0.2142,
          'ec2/r7g.2xlarge': 0.4284,
          'ec2/r7g.4xlarge': 0.8568,
          'ec2/t4g.medium': 0.0336,
          'ec2/t4g.large': 0.0672,
          'ec2/t4g.xlarge': 0.1344,
          'ec2/t4g.2xlarge': 0.2688,
        },
      ],
      ['1000 requests', { 's3/put': 0.005, 's3/get': 0.0004 }],
      ['address-hour', { 'ipv4/hour': 0.005 }],
    ],
  },
  {
    source: 'AWS Price List API, queried 2026-09-16 by a benchmark found in public code; t4g.nano is half of t4g.micro',
    asOf: '2026-09-16',
    amounts: [['instance-hour', { 'ec2/t4g.nano': 0.0042, 'ec2/t4g.micro': 0.0084, 'ec2/t4g.small': 0.0168 }]],
  },
  {
    source:
      'github.com/aws/karpenter-provider-aws pkg/providers/pricing/zz_generated.pricing_aws.go, generated from the AWS Price List API 2026-07-20',
    asOf: '2026-07-20',
    amounts: [
      [
        'instance-hour',
        {
          'ec2/t3.nano': 0.0052,
          'ec2/t3.large': 0.0832,
          'ec2/t3.xlarge': 0.1664,
          'ec2/t3.2xlarge': 0.3328,
          'ec2/m6i.large': 0.096,
          'ec2/m6i.xlarge': 0.192,
          'ec2/m6i.2xlarge': 0.384,
          'ec2/m6i.4xlarge': 0.768,
        },
      ],
    ],
  },
  {
    source: 'github.com/anomalyco/sst platform/src/components/aws service.ts and redis.ts, cost blocks',
    asOf: '2026-06-26',
    amounts: [
      ['vCPU-hour', { 'fargate/vcpu/x86_64/spot': 0.01218784 }],
      ['GB-hour', { 'fargate/gb/x86_64/spot': 0.00133831 }],
      ['GB-hour', { 'fargate/ephemeral-gb': 0.000111 }],
      ['node-hour', { 'elasticache/cache.t4g.micro/valkey': 0.0128 }],
    ],
  },
  {
    source: 'scaled: two zones cost twice one; ARM spot at the x86 discount',
    asOf: '2026-10-08',
    amounts: [
      ['instance-hour', { 'rds/db.t4g.large/multi-az': 0.258 }],
      ['vCPU-hour', { 'fargate/vcpu/arm64/spot': 0.00975 }],
      ['GB-hour', { 'fargate/gb/arm64/spot': 0.00107 }],
    ],
  },
  {
    source: 'AWS Price List API (AmazonElastiCache), read 2026-10-02 by a cost service found in public code',
    asOf: '2026-10-02',
    amounts: [
      [
        'node-hour',
        {
          'elasticache/cache.r7g.large/redis': 0.219,
          'elasticache/cache.t4g.small/valkey': 0.0256,
          'elasticache/cache.t4g.medium/valkey': 0.052,
          'elasticache/cache.r6g.large/valkey': 0.1648,
          'elasticache/cache.r7g.large/valkey': 0.1752,
        },
      ],
    ],
  },
  {
    source:
      'AWS pricing data of RDS for PostgreSQL, read 2026-09-23 for a hosting comparison found in public documentation; db.r7g.large is half of its db.r7g.xlarge',
    asOf: '2026-09-23',
    amounts: [
      ['instance-hour', { 'rds/db.m7g.large/multi-az': 0.337, 'rds/db.r7g.large/multi-az': 0.478 }],
      ['GB-month', { 'rds/gp3/multi-az': 0.23, 'rds/backup': 0.095 }],
    ],
  },
  {
    source: 'AWS price list of AmazonRDS in us-east-1, version 20260924211011, quoted by a price table in public code',
    asOf: '2026-09-24',
    amounts: [['instance-hour', { 'rds/db.t4g.large': 0.129, 'rds/db.r7g.large': 0.239 }]],
  },
  {
    source:
      'AWS on-demand list as repeated by several price tables in public code, without the date of the list; two zones cost twice as much in September 2026',
    asOf: '2026-09-23',
    amounts: [['instance-hour', { 'rds/db.m7g.large': 0.168 }]],
  },
  {
    source: 'AWS list prices of us-east-1 in a cost ledger of 2026-09-23 found in public documentation',
    asOf: '2026-09-23',
    amounts: [['metric-month', { 'cloudwatch/metric': 0.3 }]],
  },
  {
    source:
      'AWS CloudWatch pricing as told by factualminds.com (Amazon CloudWatch Pricing: The 10 Billing Dimensions, 2026-06-13); dashboards are billed without a region',
    asOf: '2026-06-13',
    amounts: [['dashboard-month', { 'cloudwatch/dashboard': 3 }]],
  },
  {
    source:
      "AWS price list of awswaf in ap-northeast-2, read 2026-10-01 for a catalogue found in public documentation; AWS's blog (Cost-effective ways for securing your web applications using AWS WAF) says that WAF costs the same in all regions",
    asOf: '2026-10-01',
    amounts: [['million requests', { 'waf/requests': 0.6 }]],
  },
  {
    source: 'AWS list prices of us-east-1 in a decision of 2026-08-07 found in public documentation',
    asOf: '2026-08-07',
    amounts: [['GB', { 'logs/vended-s3': 0.25 }]],
  },
]);
