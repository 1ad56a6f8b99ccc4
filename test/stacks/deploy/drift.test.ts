/** `npm run drift` as a timer runs it, with a stand-in for terraform. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { drift } from '../../../stacks/deploying/drift.ts';
import { type StandIn, standIn } from '../../support/terraform/stand-in.ts';

let terraform: StandIn;
beforeEach(() => {
  terraform = standIn();
});
afterEach(() => terraform.close());

const run = (fails = '') =>
  execa('npm', ['run', '--silent', 'drift', '--', 'dev'], {
    reject: false,
    all: true,
    env: { ...terraform.env, STAND_IN_FAILS: fails },
  });
const last = (all: string | undefined) => all?.trim().split('\n').at(-1);
const asked = ['foundation', 'service'].flatMap((part) => [
  `dev-${part}: init -input=false -no-color`,
  `dev-${part}: plan -detailed-exitcode -lock=false -input=false -no-color`,
]);

describe('npm run drift', () => {
  test('plans every stack against its state without a lock, and changes nothing', async () => {
    const { exitCode, all } = await run();
    expect([exitCode, last(all)]).toEqual([0, 'dev: no drift']);
    expect(terraform.lines()).toEqual(asked);
    expect(terraform.notes().map(({ backend }) => backend?.s3?.key)).toEqual([
      ...['dev/foundation.tfstate', 'dev/foundation.tfstate'],
      ...['dev/service.tfstate', 'dev/service.tfstate'],
    ]);
  });

  test('ends with 2 and names the stacks that differ', async () => {
    const { exitCode, all } = await run('foundation: plan=2');
    expect(exitCode).toBe(2);
    expect(last(all)).toBe(
      'dev: drift in dev-foundation: the plan above undoes it; npm run deploy -- dev applies that',
    );
    expect(terraform.lines()).toEqual(asked);
  });

  test('ends with 1 when a stack cannot be asked, and asks the others all the same', async () => {
    const { exitCode, all } = await run('foundation: init=1');
    expect(exitCode).toBe(1);
    expect(last(all)).toBe('dev: dev-foundation could not be asked; the lines above say why.');
    expect(terraform.lines()).toEqual(asked.toSpliced(1, 1));
  });

  test('gives a call that hangs up, and says which', async () => {
    const before = { ...process.env };
    Object.assign(process.env, terraform.env, { STAND_IN_HANGS: 'service: plan' });
    const said: string[] = [];
    try {
      await expect(drift('dev', (line) => said.push(line), 5000)).rejects.toThrow('dev-service could not be asked');
    } finally {
      process.env = before;
    }
    expect(said.at(-1)).toBe('dev-service: terraform plan did not end within 5 s');
  });

  test('without terraform says that there is none', async () => {
    const { PATH } = process.env;
    process.env.PATH = '/nowhere';
    const said: string[] = [];
    try {
      await expect(drift('dev', (line) => said.push(line))).rejects.toThrow('dev-foundation, dev-service could not be');
    } finally {
      process.env.PATH = PATH;
    }
    expect(said.at(-1)).toMatch(/^dev-service: Command failed with ENOENT: terraform init /);
  });
});
