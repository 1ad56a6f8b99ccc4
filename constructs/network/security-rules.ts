/**
 * The matrix as security-group rules: one pair for each edge, both ends. A call goes through the internal balancer,
 * which listens on the called tier's own port, so a rule for that port admits to that tier and no other.
 */
import { VpcSecurityGroupEgressRule } from '@cdktf/provider-aws/lib/vpc-security-group-egress-rule/index.js';
import { VpcSecurityGroupIngressRule } from '@cdktf/provider-aws/lib/vpc-security-group-ingress-rule/index.js';
import { Construct } from 'constructs';
import type { Edge } from '../../environments/wiring/connections.ts';
import { justify } from '../policies/justified.ts';
import { postgresPort } from '../stores/postgres.ts';
import { redisPort } from '../stores/redis.ts';

export interface SecurityRulesProps {
  readonly edges: readonly Edge[];
  /** Each placed tier: its security group, and the port that it listens on. */
  readonly tiers: Readonly<Record<string, { readonly securityGroupId: string; readonly port: number }>>;
  readonly publicBalancer: string;
  /** Absent where no tier is called. */
  readonly internalBalancer: string | undefined;
  /** Absent where no tier uses it. */
  readonly postgres: string | undefined;
  readonly redis: string | undefined;
  /** Prefix list of the S3 gateway. */
  readonly s3PrefixListId: string;
  /** Group of the private endpoints; absent: AWS APIs are reached over the way out. */
  readonly endpoints: string | undefined;
  /** TCP ports of each tier's declared foreign endpoints. Security groups know ports, not names. */
  readonly egressPorts: (edge: Extract<Edge, { kind: 'egress' }>) => readonly number[];
}

const storePorts = { postgres: postgresPort, redis: redisPort };

type Peer = { referencedSecurityGroupId: string } | { cidrIpv4: string } | { prefixListId: string };

export class SecurityRules extends Construct {
  constructor(scope: Construct, id: string, props: SecurityRulesProps) {
    super(scope, id);
    const { publicBalancer, internalBalancer, tiers } = props;
    for (const port of [443, 80])
      this.ingress(`internet-to-public-${port}`, publicBalancer, { cidrIpv4: '0.0.0.0/0' }, port, 'anybody', {
        Exposure: 'public',
      });
    for (const edge of props.edges) {
      if (edge.kind === 'public') this.allow(`public-to-${edge.to}`, publicBalancer, group(edge.to), port(edge.to));
      if (edge.kind === 'call') {
        if (!internalBalancer) throw new Error(`'${edge.from}' calls '${edge.to}' but there is no internal balancer`);
        this.allow(`${edge.from}-to-${edge.to}`, group(edge.from), internalBalancer, port(edge.to));
        if (!this.node.tryFindChild(`internal-to-${edge.to}-out`))
          this.allow(`internal-to-${edge.to}`, internalBalancer, group(edge.to), port(edge.to));
      }
      if (edge.kind === 'use' && edge.store !== 'document-store') {
        const store = props[edge.store];
        if (!store) throw new Error(`'${edge.from}' uses ${edge.store} but there is none: give its security group`);
        this.allow(`${edge.from}-to-${edge.store}`, group(edge.from), store, storePorts[edge.store]);
      }
      if (edge.kind === 'egress')
        for (const out of props.egressPorts(edge))
          if (!this.node.tryFindChild(`${edge.from}-to-internet-${out}-out`))
            this.egress(`${edge.from}-to-internet-${out}`, group(edge.from), { cidrIpv4: '0.0.0.0/0' }, out, edge.to);
    }
    for (const name of Object.keys(tiers)) this.platform(name, props);

    function tier(name: string) {
      const found = tiers[name];
      if (!found) throw new Error(`no tier '${name}' to connect`);
      return found;
    }
    function group(name: string): string {
      return tier(name).securityGroupId;
    }
    function port(name: string): number {
      return tier(name).port;
    }
  }

  /** What any tier needs to start on any platform: images, logs, secrets. */
  private platform(name: string, { tiers, s3PrefixListId, endpoints }: SecurityRulesProps): void {
    const own = tiers[name]?.securityGroupId as string;
    // Image layers and documents. Which buckets a tier may read says its role, not the network.
    this.egress(`${name}-to-s3`, own, { prefixListId: s3PrefixListId }, 443, 'image layers, documents');
    if (endpoints) this.allow(`${name}-to-aws`, own, endpoints, 443);
    else if (!this.node.tryFindChild(`${name}-to-internet-443-out`))
      this.egress(`${name}-to-aws`, own, { cidrIpv4: '0.0.0.0/0' }, 443, 'AWS APIs: set aws.endpoints to narrow it');
  }

  private allow(id: string, from: string, to: string, port: number): void {
    this.egress(id, from, { referencedSecurityGroupId: to }, port, id.replaceAll('-', ' '));
    this.ingress(id, to, { referencedSecurityGroupId: from }, port, id.replaceAll('-', ' '));
  }

  private egress(id: string, owner: string, peer: Peer, port: number, description: string): void {
    new VpcSecurityGroupEgressRule(this, `${id}-out`, {
      securityGroupId: owner,
      ...peer,
      ipProtocol: 'tcp',
      fromPort: port,
      toPort: port,
      description,
      tags: { Name: id },
    });
  }

  private ingress(
    id: string,
    owner: string,
    peer: Peer,
    port: number,
    description: string,
    tags: Record<string, string> = {},
  ): void {
    const rule = new VpcSecurityGroupIngressRule(this, `${id}-in`, {
      securityGroupId: owner,
      ...peer,
      ipProtocol: 'tcp',
      fromPort: port,
      toPort: port,
      description,
      tags: { Name: id, ...tags },
    });
    if (tags.Exposure === 'public' && port === 80)
      justify(rule, { CKV_AWS_260: 'answers only with where the same page lies on https' });
  }
}
