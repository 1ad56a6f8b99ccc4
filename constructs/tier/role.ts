import { IamRole } from '@cdktf/provider-aws/lib/iam-role/index.js';
import { IamRolePolicy } from '@cdktf/provider-aws/lib/iam-role-policy/index.js';
import { Construct } from 'constructs';
import { nameOf } from '../../environments/wiring/names.ts';

/** One statement of an IAM policy. */
export interface Statement {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
}

export interface RoleProps {
  /** At most 64 characters. */
  readonly name: string;
  /** Who may assume the role: an AWS service or the ARN of one role. @example { service: 'ecs-tasks.amazonaws.com' } */
  readonly assumedBy: { readonly service: string } | { readonly roleArn: string };
  /** Only roles used from this account's own resources may assume it: guards against a confused deputy. */
  readonly accountId: string;
  readonly statements: readonly Statement[];
}

/** Who takes a role for a pod. https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html */
export const podIdentity = 'pods.eks.amazonaws.com';

/** A role for an AWS service with exactly the statements given. */
export class Role extends Construct {
  readonly arn: string;
  readonly name: string;
  /** Created after the policy: what needs its permissions at start depends on this. */
  readonly policy: IamRolePolicy | undefined;

  constructor(scope: Construct, id: string, props: RoleProps) {
    super(scope, id);
    const { assumedBy } = props;
    const role = new IamRole(this, 'role', {
      name: nameOf('IAM role', props.name),
      assumeRolePolicy: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            // EKS names pod and service account in tags of the session.
            Action:
              'service' in assumedBy && assumedBy.service === podIdentity
                ? ['sts:AssumeRole', 'sts:TagSession']
                : 'sts:AssumeRole',
            Principal: 'service' in assumedBy ? { Service: assumedBy.service } : { AWS: assumedBy.roleArn },
            // EC2 sends no source account when it takes an instance's role, and a role is of one account.
            ...('roleArn' in assumedBy || assumedBy.service === 'ec2.amazonaws.com'
              ? {}
              : { Condition: { StringEquals: { 'aws:SourceAccount': props.accountId } } }),
          },
        ],
      }),
    });
    this.arn = role.arn;
    this.name = role.name;
    if (props.statements.length > 0)
      this.policy = new IamRolePolicy(this, 'policy', {
        name: 'tier',
        role: role.id,
        policy: JSON.stringify({
          Version: '2012-10-17',
          Statement: props.statements.map(({ actions, resources }) => ({
            Effect: 'Allow',
            Action: actions,
            Resource: resources,
          })),
        }),
      });
  }
}
