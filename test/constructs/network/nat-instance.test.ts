/** What a NAT instance does at its first start: its user data, run for real in a folder that stands for the machine's root. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AwsProvider } from '@cdktf/provider-aws/lib/provider/index.js';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { App, TerraformStack, Testing } from 'cdktf';
import { execa } from 'execa';
import { NatInstance } from '../../../constructs/network/nat-instance.ts';
import { one, type StackJson } from '../../stacks/synthesized.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'bulkhead-nat-'));
  for (const folder of ['etc/sysctl.d', 'etc/sysconfig', 'bin']) mkdirSync(join(root, folder), { recursive: true });
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

function userData(): string {
  const stack = new TerraformStack(new App(), 'test');
  new AwsProvider(stack, 'aws', { region: 'us-east-1' });
  new NatInstance(stack, 'nat', {
    ...{ name: 'nat', vpcId: 'vpc-1', subnetId: 'subnet-1', cidr: '10.0.0.0/16', accountId: '111122223333', after: [] },
    ami: { what: 'AMI', value: 'ami-0123456789abcdef0', remedy: 'none' },
    instanceType: 't4g.nano',
  });
  const { user_data_base64 } = one(JSON.parse(Testing.synth(stack)) as StackJson, 'aws_instance');
  return Buffer.from(user_data_base64 as string, 'base64').toString();
}

/** A program that writes down how it was called, and then does what it is told. */
function standIn(name: string, does = ''): void {
  writeFileSync(join(root, 'bin', name), `#!/bin/bash\necho "${name} $@" >> ${root}/calls\n${does}\n`);
  chmodSync(join(root, 'bin', name), 0o755);
}

test('it forwards although dnf fails at first, and has swap before that', async () => {
  for (const name of ['sysctl', 'systemctl', 'dd', 'mkswap', 'swapon', 'sleep']) standIn(name);
  standIn('dnf', `[ -e ${root}/failed ] || { touch ${root}/failed; exit 1; }`);
  const script = userData().replaceAll(/(?<=[ =])\/(?=etc\/|swapfile)/g, `${root}/`);
  await execa('/bin/bash', ['-c', script], { env: { PATH: `${root}/bin:/usr/bin:/bin` }, timeout: 30_000 });
  const calls = readFileSync(join(root, 'calls'), 'utf8').replaceAll(`${root}/`, '/').trim().split('\n');
  expect(calls).toEqual([
    'dd if=/dev/zero of=/swapfile bs=1M count=1024',
    'mkswap /swapfile',
    'swapon /swapfile',
    'sysctl --system',
    'dnf install -y nftables',
    'sleep 5',
    'dnf install -y nftables',
    'systemctl enable --now nftables',
  ]);
  expect(readFileSync(join(root, 'etc/sysconfig/nftables.conf'), 'utf8')).toContain('masquerade');
});
