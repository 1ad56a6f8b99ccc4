/** The policies hold for both stacks of an environment, whoever writes them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CloudwatchLogGroup } from '@cdktf/provider-aws/lib/cloudwatch-log-group/index.js';
import { expect, test } from '@jest/globals';
import { App, Aspects } from 'cdktf';
import { policies } from '../../constructs/policies/policies.ts';
import { resolveEnvironment } from '../../environments/environment.ts';
import { onAws } from '../../stacks/on-aws.ts';
import { addStacks, type Stacks } from '../../stacks/synthesize.ts';
import { sample } from '../environments/sample.ts';
import { placeholders } from './synthesized.ts';

const parts = ['foundation', 'service'] as const;

function withStacks<Result>(use: (app: App, stacks: Stacks) => Result): Result {
  const outdir = mkdtempSync(join(tmpdir(), 'bulkhead-synth-'));
  try {
    const app = new App({ outdir });
    return use(app, addStacks(app, onAws(resolveEnvironment(sample())), placeholders));
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

test.each(parts)('%s has every policy', (part) => {
  withStacks((_, stacks) => {
    const held = Aspects.of(stacks[part]).all;
    expect(Object.entries(policies).flatMap(([name, policy]) => (held.includes(policy) ? [] : [name]))).toEqual([]);
  });
});

test.each(parts)('a fault in %s fails the synth', (part) => {
  withStacks((app, stacks) => {
    new CloudwatchLogGroup(stacks[part], 'endless', { name: 'x', kmsKeyId: 'arn:key' });
    expect(() => app.synth()).toThrow(`[logs end] test-${part}/endless (aws_cloudwatch_log_group) keeps logs for ever`);
  });
});
