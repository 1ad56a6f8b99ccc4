import { describe, expect, test } from '@jest/globals';
import { sample } from '../../environments/sample.ts';
import { ofType, one, type StackJson, synthesized } from '../synthesized.ts';

const foundation = (changes: Parameters<typeof sample>[0] = {}): StackJson => synthesized(sample(changes)).foundation;

describe('the role that plans', () => {
  const host = 'token.actions.githubusercontent.com';
  const providerArn = `arn:aws:iam::123456789012:oidc-provider/${host}`;
  const ci = 'arn:aws:iam::123456789012:role/ci';
  const planned = (planRole: object) => foundation({ aws: { planRole } as never });
  const both = planned({ principalArns: [ci], oidc: { providerArn, subject: 'repo:owner/name:*' } });
  const { Statement } = JSON.parse(one(both, 'aws_iam_role_policy', 'plan-role').policy as string) as {
    Statement: { Effect: string; Action: string[]; Resource?: string[]; NotResource?: string[] }[];
  };

  test('is there where somebody may take it, and taken by nobody else', () => {
    expect(ofType(foundation(), 'aws_iam_role_policy_attachment')).toEqual({});
    expect(JSON.parse(one(both, 'aws_iam_role', 'plan-role').assume_role_policy as string).Statement).toEqual([
      { Effect: 'Allow', Principal: { AWS: [ci] }, Action: 'sts:AssumeRole' },
      {
        Effect: 'Allow',
        Principal: { Federated: providerArn },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: {
          StringEquals: { [`${host}:aud`]: 'sts.amazonaws.com' },
          StringLike: { [`${host}:sub`]: 'repo:owner/name:*' },
        },
      },
    ]);
    for (const [given, fault] of [
      [{}, 'must name somebody'],
      [{ principalArns: ['arn:aws:iam::123456789012:role/*'] }, 'must be the ARN of one role or user'],
      [{ oidc: { providerArn, subject: '*' } }, 'must begin with who it is'],
    ] as const)
      expect(() => planned(given)).toThrow(fault);
  });

  test('writes the lock of its own state and nothing else', () => {
    const reads = /^(s3:GetObject|secretsmanager:Get|kms:Decrypt|logs:)/;
    const writes = Statement.filter(
      ({ Effect, Action }) => Effect === 'Allow' && !Action.every((one) => reads.test(one)),
    );
    expect(writes).toEqual([
      {
        Effect: 'Allow',
        Action: ['s3:PutObject', 's3:DeleteObject'],
        Resource: ['arn:aws:s3:::state/test/*.tflock'],
      },
    ]);
    expect(one(both, 'aws_iam_role_policy_attachment', 'plan-role').policy_arn).toBe(
      'arn:aws:iam::aws:policy/ReadOnlyAccess',
    );
  });

  test('reads no documents, no logs, and no key but for secrets', () => {
    const denied = Statement.filter(({ Effect }) => Effect === 'Deny');
    expect(denied).toMatchObject([
      { Action: ['s3:GetObject*'], NotResource: ['arn:aws:s3:::state/test/*'] },
      { Action: expect.arrayContaining(['logs:GetLogEvents', 'logs:StartQuery']), Resource: ['*'] },
    ]);
    expect(Statement.find(({ Action }) => Action.includes('kms:Decrypt'))).toMatchObject({
      Condition: { StringEquals: { 'kms:ViaService': 'secretsmanager.us-east-1.amazonaws.com' } },
    });
  });
});
