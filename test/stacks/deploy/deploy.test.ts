import { describe, expect, test } from '@jest/globals';
import { type EnvironmentInput, resolveEnvironment } from '../../../environments/environment.ts';
import { serviceNames } from '../../../services/manifest.ts';
import { cdktfCalls, recordToSet, refuseUnfinished } from '../../../stacks/deploying/deploy.ts';
import { onAws } from '../../../stacks/on-aws.ts';
import { stackParts } from '../../../stacks/parts.ts';
import { sample } from '../../environments/sample.ts';
import { type Images, placeholders } from '../synthesized.ts';

const app = ['--app', 'node --no-experimental-detect-module stacks/main.ts dev'];

const parts = ['foundation', 'service'];

test('a diff shows one stack after the other; deploy and destroy take both at once', () => {
  expect(cdktfCalls('diff', 'dev', [], parts)).toEqual([
    ['diff', 'dev-foundation', ...app],
    ['diff', 'dev-service', ...app],
  ]);
  expect(cdktfCalls('deploy', 'dev', ['--auto-approve'], parts)).toEqual([
    ['deploy', 'dev-foundation', 'dev-service', ...app, '--auto-approve'],
  ]);
  expect(cdktfCalls('destroy', 'dev', [], parts)).toEqual([['destroy', 'dev-foundation', 'dev-service', ...app]]);
});

test('what is in a cluster is applied after the tiers', () => {
  const parts = (kubernetes: EnvironmentInput['kubernetes']) => stackParts(resolveEnvironment(sample({ kubernetes })));
  expect(parts(undefined)).toEqual(['foundation', 'service']);
  expect(parts({ cluster: 'company', podCidr: '10.20.0.0/16' })).toEqual(['foundation', 'service', 'kubernetes']);
});

describe('a deploy', () => {
  const images = Object.fromEntries(serviceNames.map((name) => [name, `sha256:${'a'.repeat(64)}`])) as Images;
  const environment = (aws: object = {}) =>
    onAws(resolveEnvironment(sample({ aws: { publicHost: 'chat.acme.dev', ...aws } })));

  test('of a finished environment goes on', () => {
    expect(() => refuseUnfinished(environment(), images, parts)).not.toThrow();
  });

  test('tells the command that shows the record to set before it waits for it', () => {
    const said = recordToSet(environment(), parts);
    expect(said).toMatch(/^test-foundation waits, .* for the DNS record that proves chat\.acme\.dev\./);
    expect(said).toMatch(/\naws acm describe-certificate --region us-east-1 .*DomainName=='chat\.acme\.dev'/);
    expect(recordToSet(environment(), ['service'])).toBeUndefined();
    expect(recordToSet(environment({ hostedZoneId: 'Z0123456789' }), parts)).toBeUndefined();
    const certificateArn = 'arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000';
    expect(recordToSet(environment({ certificateArn }), parts)).toBeUndefined();
  });

  test('with placeholders is refused, all of them at once', () => {
    const unfinished = environment({
      nat: 'instance',
      ami: `ami-${'0'.repeat(17)}`,
      publicHost: 'dev.bulkhead.example.com',
    });
    expect(() =>
      refuseUnfinished(unfinished, { ...images, api: placeholders.api, web: placeholders.web }, parts),
    ).toThrow(
      [
        "'test' cannot be deployed yet:",
        '- no image has been pushed for api, web: run npm run images -- --push test',
        "- aws.ami is still a placeholder: docs/operating.md, 'Choose an AMI', has the command that finds one",
        "- aws.publicHost 'dev.bulkhead.example.com' belongs to nobody: set a host of yours",
      ].join('\n'),
    );
  });
});
