/**
 * A general scanner reads every synthesized stack. What it finds is mended, or justified beside the resource
 * (`justify`); a finding without a reason fails, and so does a reason without a finding.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { execa } from 'execa';
import { type EnvironmentInput, resolveEnvironment } from '../../../environments/environment.ts';
import { environments } from '../../../environments/index.ts';
import type { AwsEnvironment } from '../../../stacks/base-stack.ts';
import { onAws } from '../../../stacks/on-aws.ts';
import { synthesize } from '../../../stacks/synthesize.ts';
import { testWith } from '../../support/skip.ts';

const present = await execa('checkov', ['--version'], { reject: false }).then(({ exitCode }) => exitCode === 0);
const scans = testWith(present ? null : 'checkov is not on PATH; install test/requirements-checkov.txt');

type Json = Record<string, unknown>;
interface Stack {
  readonly terraform: Json;
  readonly resource: Record<string, Record<string, Json & { '//'?: { justified?: Record<string, string> } }>>;
}
interface Scan {
  readonly summary: { passed: number; failed: number; parsing_errors: number };
  readonly results: Record<
    'passed_checks' | 'failed_checks',
    { check_id: string; file_path: string; resource: string }[]
  >;
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bulkhead-checkov-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const read = (stack: string, at = 'stacks'): Stack =>
  JSON.parse(readFileSync(join(folder, at, stack, 'cdk.tf.json'), 'utf8'));

/** checkov parses no file that requires a version of Terraform. */
function handOver(stack: string, changed = read(stack), at = 'scanned'): void {
  const { required_version: _, ...terraform } = changed.terraform;
  mkdirSync(join(folder, at, stack), { recursive: true });
  writeFileSync(join(folder, at, stack, 'cdk.tf.json'), JSON.stringify({ ...changed, terraform }));
}

async function scan(at = 'scanned'): Promise<Scan> {
  const args = ['-d', join(folder, at), '--framework', 'terraform_json', '-o', 'json', '--compact', '--skip-download'];
  const { stdout } = await execa('checkov', args, { reject: false, timeout: 120_000 });
  return JSON.parse(stdout);
}

/** No environment here has a cluster made or a firewall: one of them with both. */
const inOwnCluster = (environment: AwsEnvironment): AwsEnvironment =>
  onAws(
    resolveEnvironment({
      ...(environment as unknown as EnvironmentInput),
      name: 'own',
      kubernetes: { cluster: 'make', apiCidrs: ['203.0.113.7/32'] },
      aws: { ...environment.aws, monthlyCeilingUsd: 1000, firewall: { allowedCidrs: ['203.0.113.0/24'] } },
      tiers: Object.fromEntries(
        Object.entries(environment.tiers).map(([name, places]) => [
          name,
          places?.map(({ options, ...place }) => ({ ...place, ...options, platform: 'kubernetes', spotPercent: 0 })),
        ]),
      ) as never,
    }),
  );

/** `stack check id-of-the-resource`; checkov names a resource with its type or without. */
const found = ({ results }: Scan) =>
  new Set(
    results.failed_checks.map(
      ({ check_id, file_path, resource }) => `${file_path.split('/')[1]} ${check_id} ${resource.split('.').at(-1)}`,
    ),
  );

scans(
  'checkov finds nothing in any stack that is not justified beside its resource',
  async () => {
    await synthesize([], { outdir: folder });
    await synthesize(['dev'], { outdir: folder }, inOwnCluster);
    const stacks = [
      ...Object.keys(environments).flatMap((name) => [`${name}-foundation`, `${name}-service`]),
      ...['own-cluster', 'own-service', 'own-kubernetes'],
    ];
    const reasons = new Map<string, string>();
    for (const stack of stacks) {
      handOver(stack);
      for (const byId of Object.values(read(stack).resource))
        for (const [id, attributes] of Object.entries(byId))
          for (const [check, reason] of Object.entries(attributes['//']?.justified ?? {}))
            reasons.set(`${stack} ${check} ${id}`, reason);
    }
    const scanned = await scan();
    expect(scanned.summary.parsing_errors).toBe(0);
    // Each stack was read: it says nothing about a file that it cannot parse.
    expect(new Set(scanned.results.passed_checks.map(({ file_path }) => file_path.split('/')[1]))).toEqual(
      new Set(stacks),
    );
    const findings = found(scanned);
    expect([...findings].filter((finding) => !reasons.has(finding))).toEqual([]);
    expect([...reasons.keys()].filter((reason) => !findings.has(reason))).toEqual([]);

    const byReason = Map.groupBy(reasons, ([key, reason]) => `${key.split(' ')[1]}: ${reason}`);
    const lines = [...byReason].map(([line, { length }]) => `  ${length} x ${line}`).toSorted();
    process.stdout.write(
      `checkov: ${scanned.summary.passed} passed, ${findings.size} justified in ${stacks.length} stacks\n${lines.join('\n')}\n`,
    );
  },
  180_000,
);

scans(
  'an open bucket would be found',
  async () => {
    await synthesize(['dev'], { outdir: folder });
    const stack = read('dev-foundation');
    handOver(
      'dev-foundation',
      { ...stack, resource: { ...stack.resource, aws_s3_bucket_public_access_block: {} } },
      'bad',
    );
    expect([...found(await scan('bad'))].join('\n')).toMatch(/dev-foundation CKV2_AWS_6 documents_bucket_/);
  },
  120_000,
);
