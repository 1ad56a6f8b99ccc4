/**
 * Terraform itself reads what the stacks write: blocks, labels, expressions, overrides. It needs no provider for that and
 * no network; arguments and values are the provider's to check (`npm run rehearse`).
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { execa } from 'execa';
import { environments } from '../../../environments/index.ts';
import { override } from '../../../stacks/deploying/rehearse.ts';
import { synthesize } from '../../../stacks/synthesize.ts';
import { testWith } from '../../support/skip.ts';
import { lacksTerraform } from '../../support/terraform/lacks.ts';

const reads = testWith(lacksTerraform);

describe.each(Object.keys(environments))('%s', (name) => {
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bulkhead-terraform-'));
    await synthesize([name], { outdir: folder });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** `get` reads the whole configuration and stops short of providers and state. */
  const read = (at: string) =>
    execa('terraform', ['get', '-no-color'], { cwd: at, reject: false, all: true, env: { CHECKPOINT_DISABLE: '1' } });

  for (const part of ['foundation', 'service'])
    reads(`${part} is read, also with a rehearsal’s override`, async () => {
      const at = join(folder, 'stacks', `${name}-${part}`);
      expect(await read(at)).toMatchObject({ exitCode: 0 });
      const stack = JSON.parse(readFileSync(join(at, 'cdk.tf.json'), 'utf8'));
      const file = join(at, 'rehearse_override.tf.json');
      writeFileSync(file, JSON.stringify(override(stack, '/s', () => '/o')));
      expect(await read(at)).toMatchObject({ exitCode: 0 });
      // The check itself can fail.
      writeFileSync(join(at, 'broken.tf.json'), JSON.stringify({ resource: {} }));
      expect((await read(at)).all).toContain('Missing block label');
    });
});
