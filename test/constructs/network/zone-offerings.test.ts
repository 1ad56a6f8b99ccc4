/** A zone that lacks an instance type is found by the plan, not by an instance that never comes. */
import { describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { sample } from '../../environments/sample.ts';
import { type Attributes, type StackJson, synthesized } from '../../stacks/synthesized.ts';
import { testWith } from '../../support/skip.ts';
import { lacksTerraform } from '../../support/terraform/lacks.ts';

const size = { vcpu: 0.5, memoryMiB: 1024 };
const aws = { zones: ['a', 'e'], nat: 'instance' as const, ami: 'ami-0123456789abcdef0' };
const stacks = synthesized(
  sample({ aws, tiers: { api: { platform: 'vm', ...size }, chat: { platform: 'ecs', ...size } } as never }),
);

interface Asked {
  readonly type: string;
  readonly condition: string;
  readonly said: string;
}

function asked(stack: StackJson): Asked[] {
  const found = Object.values(stack.data.aws_ec2_instance_type_offerings ?? {}) as (Attributes & {
    readonly filter: readonly { readonly name: string; readonly values: readonly [string] }[];
    readonly lifecycle: { readonly postcondition: readonly [{ condition: string; error_message: string }] };
  })[];
  return found.map(({ location_type, filter, lifecycle: { postcondition } }) => {
    expect([location_type, filter[0]?.name]).toEqual(['availability-zone', 'instance-type']);
    const [{ condition, error_message }] = postcondition;
    return { type: filter[0]?.values[0] as string, condition, said: error_message };
  });
}

describe('an instance type', () => {
  test('is asked for in all zones of what runs on instances, and in the first for the way out', () => {
    expect(asked(stacks.foundation)).toEqual([
      expect.objectContaining({ type: 't4g.nano', condition: expect.stringContaining('["us-east-1a"]') }),
    ]);
    const [launched] = Object.values(stacks.service.resource.aws_launch_template ?? {});
    expect(asked(stacks.service)).toEqual([
      expect.objectContaining({
        type: launched?.instance_type,
        condition: expect.stringContaining('["us-east-1a","us-east-1e"]'),
      }),
    ]);
  });

  test('is asked for in the zones of a cluster’s nodes', () => {
    const { cluster } = synthesized(
      sample({
        kubernetes: { cluster: 'make', apiCidrs: [], instanceType: 'm7g.large' },
        tiers: { api: { platform: 'kubernetes', ...size } } as never,
      }),
    );
    expect(asked(cluster as StackJson).map(({ type }) => type)).toEqual(['m7g.large']);
  });

  testWith(lacksTerraform)('that a zone lacks fails the plan, which says where there is one', async () => {
    const [{ condition, said }] = asked(stacks.service) as [Asked];
    const told = async (expression: string, offered: readonly string[]) => {
      const text = expression.replaceAll('self.locations', `toset(${JSON.stringify(offered)})`);
      const { stdout } = await execa('terraform', ['console'], {
        input: text.replace(/^\$\{(.*)\}$/s, '$1'),
        env: { CHECKPOINT_DISABLE: '1' },
      });
      return stdout.trim();
    };
    expect(await told(condition, ['us-east-1a', 'us-east-1b', 'us-east-1e'])).toBe('true');
    expect(await told(condition, ['us-east-1b', 'us-east-1a'])).toBe('false');
    expect(await told(`"${said.replaceAll('\n', ' ')}"`, ['us-east-1b', 'us-east-1a'])).toContain(
      'AWS offers it in us-east-1a, us-east-1b of this account',
    );
  });
});
