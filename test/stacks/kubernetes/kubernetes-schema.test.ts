/** Every object, held against the published schema of the oldest and the newest version that a cluster may have. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from '@jest/globals';
import { execa } from 'execa';
import { kubernetesVersions } from '../../../environments/schema/kubernetes.ts';
import { serviceNames } from '../../../services/manifest.ts';
import { type Manifest, manifestsOf } from '../../constructs/platforms/kubernetes/manifests.ts';
import { sample } from '../../environments/sample.ts';
import { testWith } from '../../support/skip.ts';
import { type StackJson, synthesized } from '../synthesized.ts';

const program = 'kubernetes-validate';
const present = !(await execa(program, ['--version'], { reject: false })).failed;
const check = testWith(present ? null : `${program} is not on PATH; install test/requirements.txt`);

const folder = mkdtempSync(join(tmpdir(), 'bulkhead-manifests-'));
afterAll(() => rmSync(folder, { recursive: true }));

const pods = { platform: 'kubernetes', vcpu: 0.25, memoryMiB: 1024, replicas: { min: 1, max: 2 } } as const;
const tiers = Object.fromEntries(serviceNames.map((name) => [name, pods]));
const kubernetes = { cluster: 'company', podCidr: '10.20.0.0/16' };
const chatModel = { url: 'https://models.example.com/v1', model: 'm' };
const aws = { postgres: { instanceClass: 'db.t4g.large' } };

/** The validator's faults; none for objects of a kind that the cluster itself does not bring. */
async function faults(manifests: readonly Manifest[], version: string): Promise<string> {
  const files = manifests
    .filter(({ kind }) => kind !== 'TargetGroupBinding')
    .map((manifest, index) => {
      const file = join(folder, `${index}.yaml`);
      writeFileSync(file, JSON.stringify(manifest));
      return file;
    });
  const { exitCode, all } = await execa(program, ['--strict', '--quiet', '-k', version, ...files], {
    reject: false,
    all: true,
  });
  return exitCode === 0 ? '' : all;
}

check.each([kubernetesVersions[0], kubernetesVersions.at(-1) as string])(
  'every object is valid in Kubernetes %s',
  async (version) => {
    const stack = synthesized(sample({ kubernetes, aws, chatModel, tiers: tiers as never })).kubernetes as StackJson;
    expect(await faults(manifestsOf(stack), version)).toBe('');
  },
  60_000,
);

check('a field that no version knows is found', async () => {
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' }, spec: { containers: [], sped: 1 } };
  expect(await faults([pod], kubernetesVersions[0])).toContain('sped');
});
