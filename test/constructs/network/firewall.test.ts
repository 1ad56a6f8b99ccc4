import { describe, expect, test } from '@jest/globals';
import { App } from 'cdktf';
import { type EnvironmentInput, resolveEnvironment } from '../../../environments/environment.ts';
import { environmentMonthlyUsd } from '../../../environments/pricing/environment-cost.ts';
import { costedEnvironment } from '../../../stacks/cost.ts';
import { onAws } from '../../../stacks/on-aws.ts';
import { addStacks } from '../../../stacks/synthesize.ts';
import { sample } from '../../environments/sample.ts';
import { type Attributes, addressBook, one, placeholders, synthesized } from '../../stacks/synthesized.ts';

type Firewall = NonNullable<NonNullable<EnvironmentInput['aws']>['firewall']>;
const environment = (firewall: Firewall) => sample({ aws: { firewall } });
const rulesOf = (firewall: Firewall) =>
  one(synthesized(environment(firewall)).service, 'aws_wafv2_web_acl').rule as (Attributes & { name: string })[];
const offices = ['203.0.113.0/24', '198.51.100.7/32'];

describe('a web firewall', () => {
  test('is an addition: nothing else of the stacks changes', () => {
    const without = synthesized(sample());
    const behind = synthesized(environment({ allowedCidrs: offices }));
    expect(behind.foundation).toEqual(without.foundation);
    expect(addressBook(behind.service).filter((address) => !addressBook(without.service).includes(address))).toEqual([
      expect.stringMatching(/^aws_wafv2_ip_set\.firewall_allowed_/),
      expect.stringMatching(/^aws_wafv2_web_acl\.firewall_acl_/),
      expect.stringMatching(/^aws_wafv2_web_acl_association\.firewall_association_/),
    ]);
    for (const [type, byId] of Object.entries(without.service.resource))
      expect(behind.service.resource[type]).toEqual(byId);
  });

  test('stands before the public balancer, not the one inside', () => {
    const { service } = synthesized(environment({}));
    const { resource_arn, web_acl_arn } = one(service, 'aws_wafv2_web_acl_association');
    expect(resource_arn).toMatch(/^\$\{aws_lb\.public_balancer_\w+\.arn\}$/);
    expect(web_acl_arn).toMatch(/^\$\{aws_wafv2_web_acl\.firewall_acl_\w+\.arn\}$/);
  });

  test('lets in the networks named and nobody else, each address at a rate, by the common rules', () => {
    const { service } = synthesized(environment({ allowedCidrs: offices, requestsPerFiveMinutes: 500 }));
    expect(one(service, 'aws_wafv2_ip_set')).toMatchObject({
      scope: 'REGIONAL',
      ip_address_version: 'IPV4',
      addresses: offices,
    });
    const { default_action, rule, scope } = one(service, 'aws_wafv2_web_acl');
    expect([default_action, scope]).toEqual([{ allow: {} }, 'REGIONAL']);
    expect(rule).toMatchObject([
      {
        name: 'not-allowed',
        priority: 0,
        action: { block: {} },
        statement: {
          not_statement: {
            statement: {
              ip_set_reference_statement: {
                arn: expect.stringMatching(/^\$\{aws_wafv2_ip_set\.firewall_allowed_\w+\.arn\}$/),
              },
            },
          },
        },
      },
      {
        name: 'rate',
        priority: 1,
        action: { block: {} },
        statement: { rate_based_statement: { limit: 500, evaluation_window_sec: 300, aggregate_key_type: 'IP' } },
      },
      {
        name: 'common',
        priority: 2,
        override_action: { none: {} },
        statement: { managed_rule_group_statement: { vendor_name: 'AWS', name: 'AWSManagedRulesCommonRuleSet' } },
      },
    ]);
  });

  test('without networks lets everybody in, at a rate', () => {
    expect(rulesOf({}).map(({ name, priority }) => [name, priority])).toEqual([
      ['rate', 0],
      ['common', 1],
    ]);
  });

  test('refuses nothing for what a body holds: uploads are large, and texts of any kind', () => {
    const common = rulesOf({}).find(({ name }) => name === 'common') as Attributes;
    const { rule_action_override } = (common.statement as { managed_rule_group_statement: Attributes })
      .managed_rule_group_statement;
    for (const name of ['SizeRestrictions_BODY', 'CrossSiteScripting_BODY', 'GenericLFI_BODY', 'GenericRFI_BODY'])
      expect(rule_action_override).toContainEqual({ name, action_to_use: { count: {} } });
  });

  test('is on the sheet: the list, its rules, and what it looks at', () => {
    const lines = (input: EnvironmentInput) => {
      const resolved = onAws(resolveEnvironment(input));
      return environmentMonthlyUsd(
        costedEnvironment(resolved, Object.values(addStacks(new App(), resolved, placeholders))),
      );
    };
    const total = (input: EnvironmentInput) => lines(input).reduce((sum, { monthlyUsd }) => sum + monthlyUsd, 0);
    const words = lines(environment({ allowedCidrs: offices })).map(({ what }) => what);
    expect(words).toEqual(expect.arrayContaining(['1 x web firewall', '3 x its rules', 'requests it looks at']));
    // $5, $1 for each rule, $0.60 for a million requests.
    expect(total(environment({ allowedCidrs: offices })) - total(sample())).toBeCloseTo(8.6, 6);
    expect(total(environment({})) - total(sample())).toBeCloseTo(7.6, 6);
  });
});

test.each<[string, Firewall, string]>([
  ['an empty list', { allowedCidrs: [] }, 'given none, which lets nobody in; allowed: 1 to 100 networks'],
  ['everybody', { allowedCidrs: ['0.0.0.0/0'] }, "must be narrower than '/0'; leave allowedCidrs out"],
  ['an address without its mask', { allowedCidrs: ['203.0.113.7'] }, 'Invalid IPv4 range'],
  ['a network twice', { allowedCidrs: ['203.0.113.0/24', '203.0.113.0/24'] }, 'each network once'],
  ['a rate that WAF does not take', { requestsPerFiveMinutes: 9 }, 'expected number to be >=10'],
])('%s is refused', (_, firewall, said) => {
  expect(() => resolveEnvironment(environment(firewall))).toThrow(said);
});
