/**
 * What cannot be read from a configuration: how much is used of the things AWS bills by use. The defaults describe a
 * small team; an environment that knows better passes its own.
 */
export interface Usage {
  /** Log text of one replica in a month. */
  readonly logGbPerReplica: number;
  /** Average load of one balancer in LCU. */
  readonly balancerLcu: number;
  /** To people over the internet. */
  readonly outGb: number;
  /** Millions of requests that a web firewall looks at, where there is one. */
  readonly publicRequestMillions: number;
  /** Records of connections (VPC flow logs), where `auditLogs` is set. */
  readonly connectionLogGb: number;
  /** Log text of the control plane of a cluster of its own. */
  readonly controlPlaneLogGb: number;
  /** Log text of PostgreSQL. */
  readonly postgresLogGb: number;
  /** Through a NAT gateway or the interface endpoints: model calls, image pulls, AWS APIs. */
  readonly natGb: number;
  /** Between availability zones: balancer to tier, tier to database. */
  readonly crossZoneGb: number;
  /** Uploads, page results, vector tables and their old versions. */
  readonly documentsGb: number;
  readonly putThousands: number;
  readonly getThousands: number;
  /** All images of all repositories. */
  readonly imagesGb: number;
  /** Share of the database that changes in a day; a backup keeps that for each day. */
  readonly dailyChangeShare: number;
  /** Hours of a month in which every replica runs twice because a deploy is under way. */
  readonly deployHours: number;
}

export const defaultUsage: Usage = {
  // 0.2 requests a second and replica, 1 kB of log each: 0.2 x 2.6 million seconds x 1 kB.
  logGbPerReplica: 0.5,
  // One LCU is 25 new connections a second, 3,000 open ones, or 1 GB an hour; a quarter is 750 open answers.
  balancerLcu: 0.25,
  // 100 people, 20 days, 10 MB of pages, answers and originals each.
  outGb: 20,
  // The 0.2 requests a second of a replica, as above, of two tiers that people reach.
  publicRequestMillions: 1,
  // 10 connections a second, half of them in one record of 100 bytes: 26 million records of which S3 is billed raw.
  connectionLogGb: 1,
  // What controllers, nodes and probes ask of it: one audited request of 1 kB a second.
  controlPlaneLogGb: 2.6,
  // Connections, checkpoints and slow autovacuums: 200 bytes ten times a minute.
  postgresLogGb: 0.1,
  // 5,000 model calls of 20 kB, and the images of 20 deploys (through the NAT only where they leave AWS).
  natGb: 10,
  crossZoneGb: 20,
  // 2,000 documents of 5 MB, with results and vectors as large again.
  documentsGb: 20,
  // One object per 50-page grant, read some ten times by queries.
  putThousands: 50,
  getThousands: 500,
  // Seven repositories, ten kept images, 100 MB each of which half is shared layers.
  imagesGb: 4,
  dailyChangeShare: 0.05,
  // 20 deploys of a quarter of an hour.
  deployHours: 5,
};

/** Root volume of one instance: system 3, two images 1, temporary files of a tier, and room for what fails to be cleaned. */
export const vmVolumeGiB = 20;

/** Root volume of a node of a cluster: system 4, images of all tiers 2 in two versions, logs, and room. */
export const nodeVolumeGiB = 20;

/** Root volume of a NAT instance: the smallest that Amazon Linux 2023 starts from. */
export const natVolumeGiB = 8;

/** A NAT instance forwards packets; the smallest of the environment's architecture does that for a small environment. */
export const natInstanceType = { arm64: 't4g.nano', x86_64: 't3.nano' } as const;
