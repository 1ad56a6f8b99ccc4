import { IamRole } from '@cdktf/provider-aws/lib/iam-role/index.js';
import { IamRolePolicy } from '@cdktf/provider-aws/lib/iam-role-policy/index.js';
import { IamRolePolicyAttachment } from '@cdktf/provider-aws/lib/iam-role-policy-attachment/index.js';
import { Construct } from 'constructs';
import type { PlanTrust } from '../../environments/schema/plan-role.ts';
import { nameOf } from '../../environments/wiring/names.ts';

export interface PlanRoleProps {
  readonly prefix: string;
  readonly environment: string;
  readonly region: string;
  /** Who may take it. */
  readonly trust: PlanTrust;
  readonly stateBucket: string;
  readonly accountId: string;
  readonly keyArn: string;
}

/**
 * A role for CI that plans and looks for drift. It changes nothing and reads no documents and no logs, but the values of
 * secrets, as every plan does.
 */
export class PlanRole extends Construct {
  readonly arn: string;

  constructor(scope: Construct, id: string, props: PlanRoleProps) {
    super(scope, id);
    const { prefix, trust, keyArn, region } = props;
    const role = new IamRole(this, 'role', {
      name: nameOf('IAM role', `${prefix}-plan`),
      description: 'plans this environment, changes nothing',
      assumeRolePolicy: JSON.stringify({ Version: '2012-10-17', Statement: trusted(trust) }),
    });
    // What AWS keeps of all its services, new ones too: a plan looks at every resource there is.
    new IamRolePolicyAttachment(this, 'read', {
      role: role.name,
      policyArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess',
    });
    const state = `arn:aws:s3:::${props.stateBucket}/${props.environment}/*`;
    new IamRolePolicy(this, 'policy', {
      name: 'plan',
      role: role.id,
      policy: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          // `npm run diff` takes the lock; `npm run drift` takes none.
          { Effect: 'Allow', Action: ['s3:PutObject', 's3:DeleteObject'], Resource: [`${state}.tflock`] },
          // Made during a plan, too, and thrown away.
          { Effect: 'Allow', Action: ['secretsmanager:GetRandomPassword'], Resource: ['*'] },
          // The provider reads every version that Terraform wrote, to see whether it is there.
          {
            Effect: 'Allow',
            Action: ['secretsmanager:GetSecretValue'],
            Resource: [`arn:aws:secretsmanager:${region}:${props.accountId}:secret:${prefix}/*`],
          },
          {
            Effect: 'Allow',
            Action: ['kms:Decrypt'],
            Resource: [keyArn],
            Condition: { StringEquals: { 'kms:ViaService': `secretsmanager.${region}.amazonaws.com` } },
          },
          // ReadOnlyAccess would read what people uploaded, and what tiers wrote about them.
          { Effect: 'Deny', Action: ['s3:GetObject*'], NotResource: [state] },
          { Effect: 'Deny', Action: logReads, Resource: ['*'] },
        ],
      }),
    });
    this.arn = role.arn;
  }
}

const logReads = [
  'logs:FilterLogEvents',
  'logs:GetLogEvents',
  'logs:GetLogRecord',
  'logs:GetQueryResults',
  'logs:StartLiveTail',
  'logs:StartQuery',
];

function trusted({ principalArns, oidc }: PlanTrust): object[] {
  const host = oidc?.providerArn.split(':oidc-provider/')[1];
  return [
    ...(principalArns.length > 0
      ? [{ Effect: 'Allow', Principal: { AWS: principalArns }, Action: 'sts:AssumeRole' }]
      : []),
    ...(oidc
      ? [
          {
            Effect: 'Allow',
            Principal: { Federated: oidc.providerArn },
            Action: 'sts:AssumeRoleWithWebIdentity',
            Condition: {
              StringEquals: { [`${host}:aud`]: 'sts.amazonaws.com' },
              StringLike: { [`${host}:sub`]: oidc.subject },
            },
          },
        ]
      : []),
  ];
}
