import { Lb } from '@cdktf/provider-aws/lib/lb/index.js';
import { LbListener } from '@cdktf/provider-aws/lib/lb-listener/index.js';
import { SecurityGroup } from '@cdktf/provider-aws/lib/security-group/index.js';
import { Construct } from 'constructs';
import { idleTimeouts } from '../../environments/wiring/idle-timeouts.ts';
import { nameOf } from '../../environments/wiring/names.ts';
import { auditLogsAreASetting, firewallIsChosen, justify, noJava, plainInside } from '../policies/justified.ts';

export interface BalancerProps {
  readonly prefix: string;
  readonly vpcId: string;
  readonly subnetIds: readonly string[];
  readonly internal: boolean;
  /** Longest answer that streams through, in ms. */
  readonly turnTimeoutMs: number;
  readonly deletionProtection: boolean;
  /** Bucket for a line per request. @default none is kept */
  readonly auditBucket?: string | undefined;
  /** A {@link Firewall} stands before it. @default false */
  readonly firewalled?: boolean;
}

/**
 * An application load balancer with its security group, and nothing behind it: tiers add their own routes. Streams send
 * a comment every 15 s; the idle timeout still covers a whole turn, so that one lost comment cuts nothing.
 */
export class Balancer extends Construct {
  readonly arn: string;
  readonly dnsName: string;
  readonly zoneId: string;
  readonly securityGroupId: string;
  /** Its dimension in CloudWatch. */
  readonly arnSuffix: string;

  constructor(scope: Construct, id: string, props: BalancerProps) {
    super(scope, id);
    const name = nameOf('load balancer', props.prefix, id);
    const group = new SecurityGroup(this, 'security-group', {
      namePrefix: `${name}-`,
      description: `${id} balancer`,
      vpcId: props.vpcId,
      tags: { Name: name },
      lifecycle: { createBeforeDestroy: true },
    });
    const balancer = new Lb(this, 'balancer', {
      name,
      loadBalancerType: 'application',
      internal: props.internal,
      subnets: [...props.subnetIds],
      securityGroups: [group.id],
      idleTimeout: idleTimeouts(props.turnTimeoutMs).balancerS,
      dropInvalidHeaderFields: true,
      enableDeletionProtection: props.deletionProtection,
      ...(props.auditBucket !== undefined && { accessLogs: { bucket: props.auditBucket, prefix: id, enabled: true } }),
    });
    justify(balancer, {
      ...(!props.deletionProtection && { CKV_AWS_150: 'the environment is ephemeral: it is meant to be destroyed' }),
      ...(props.internal && { CKV2_AWS_20: plainInside }),
      ...(!props.internal && !props.firewalled && { CKV2_AWS_28: firewallIsChosen }),
      ...(props.firewalled && { CKV2_AWS_76: noJava }),
      ...(props.auditBucket === undefined && { CKV_AWS_91: auditLogsAreASetting }),
    });
    this.arn = balancer.arn;
    this.dnsName = balancer.dnsName;
    this.zoneId = balancer.zoneId;
    this.securityGroupId = group.id;
    this.arnSuffix = balancer.arnSuffix;
  }
}

/** The listener that people reach: TLS 1.2 and 1.3; plain http is only sent on to it. Returns its ARN. */
export function publicListener(balancer: Balancer, certificateArn: string): string {
  new LbListener(balancer, 'http', {
    loadBalancerArn: balancer.arn,
    port: 80,
    protocol: 'HTTP',
    defaultAction: [{ type: 'redirect', redirect: { port: '443', protocol: 'HTTPS', statusCode: 'HTTP_301' } }],
  });
  return new LbListener(balancer, 'https', {
    loadBalancerArn: balancer.arn,
    port: 443,
    protocol: 'HTTPS',
    sslPolicy: 'ELBSecurityPolicy-TLS13-1-2-2021-06',
    certificateArn,
    // Reached only while the catch-all tier has no route yet.
    defaultAction: [
      {
        type: 'fixed-response',
        fixedResponse: { contentType: 'text/plain', messageBody: 'not here', statusCode: '404' },
      },
    ],
  }).arn;
}
