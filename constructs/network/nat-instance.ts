import { Eip } from '@cdktf/provider-aws/lib/eip/index.js';
import { SecurityGroup } from '@cdktf/provider-aws/lib/security-group/index.js';
import { VpcSecurityGroupEgressRule } from '@cdktf/provider-aws/lib/vpc-security-group-egress-rule/index.js';
import { VpcSecurityGroupIngressRule } from '@cdktf/provider-aws/lib/vpc-security-group-ingress-rule/index.js';
import type { ITerraformDependable } from 'cdktf';
import { Construct } from 'constructs';
import { lazy } from '../lazy.ts';
import { justify } from '../policies/justified.ts';
import { type Pinned, refusePlaceholders } from '../tier/placeholder.ts';

export interface NatInstanceProps {
  readonly name: string;
  readonly vpcId: string;
  readonly subnetId: string;
  /** Block of the VPC: only it may send through. */
  readonly cidr: string;
  /** Amazon Linux 2023. */
  readonly ami: Pinned;
  /** @example 't4g.nano' */
  readonly instanceType: string;
  readonly accountId: string;
  /** Its ways to S3 and out: it installs its packages once, at its first start. */
  readonly after: readonly ITerraformDependable[];
}

/**
 * One small instance that forwards for the private subnets: about $3 a month where a NAT gateway is $33. It is a single
 * machine without fail-over: when it stops, tiers keep serving what needs no way out.
 */
export class NatInstance extends Construct {
  readonly networkInterfaceId: string;

  constructor(scope: Construct, id: string, props: NatInstanceProps) {
    super(scope, id);
    const { name } = props;
    const group = new SecurityGroup(this, 'security-group', {
      namePrefix: `${name}-`,
      description: 'NAT instance',
      vpcId: props.vpcId,
      tags: { Name: name },
      lifecycle: { createBeforeDestroy: true },
    });
    new VpcSecurityGroupIngressRule(this, 'from-vpc', {
      securityGroupId: group.id,
      description: 'from private subnets; each tier has its own, narrower rule',
      cidrIpv4: props.cidr,
      ipProtocol: 'tcp',
      fromPort: 1,
      toPort: 65535,
    });
    new VpcSecurityGroupEgressRule(this, 'out', {
      securityGroupId: group.id,
      description: 'to the internet',
      cidrIpv4: '0.0.0.0/0',
      ipProtocol: 'tcp',
      fromPort: 1,
      toPort: 65535,
    });
    const instance = new lazy.Instance(this, 'instance', {
      ami: props.ami.value,
      instanceType: props.instanceType,
      subnetId: props.subnetId,
      vpcSecurityGroupIds: [group.id],
      // It forwards packets that are not its own.
      sourceDestCheck: false,
      userDataBase64: Buffer.from(forward).toString('base64'),
      userDataReplaceOnChange: true,
      metadataOptions: { httpTokens: 'required', httpEndpoint: 'enabled', httpPutResponseHopLimit: 1 },
      creditSpecification: { cpuCredits: 'standard' },
      rootBlockDevice: { encrypted: true, volumeType: 'gp3', volumeSize: 8 },
      tags: { Name: name },
      volumeTags: { Name: name },
      dependsOn: [...props.after],
      lifecycle: { precondition: refusePlaceholders([props.ami], props.accountId) },
    });
    justify(instance, {
      CKV2_AWS_41: 'it calls no AWS API, and a role is what an intruder would look for',
      CKV_AWS_126: 'one-minute metrics cost $2.10 a month, two thirds of the instance; no alarm needs them',
      CKV_AWS_135: 'Nitro instances are always EBS-optimized; the flag changes nothing',
    });
    new Eip(this, 'address', { domain: 'vpc', instance: instance.id, tags: { Name: name } });
    this.networkInterfaceId = instance.primaryNetworkInterfaceId;
  }
}

/**
 * nftables comes with Amazon Linux 2023's repositories, which lie in S3 and need no NAT. Nobody replaces this instance: it
 * tries until it forwards. dnf may fail beside what else runs at a first start, and needs more than a nano's 512 MiB; 1 GiB
 * of swap is what Amazon Linux's own issues advise (github.com/amazonlinux/amazon-linux-2023 #245, #404).
 */
const forward = `#!/bin/bash
set -eu
install -m 600 /dev/null /swapfile
dd if=/dev/zero of=/swapfile bs=1M count=1024
mkswap /swapfile
swapon /swapfile
echo 'net.ipv4.ip_forward = 1' > /etc/sysctl.d/90-nat.conf
sysctl --system
until dnf install -y nftables; do sleep 5; done
cat > /etc/sysconfig/nftables.conf <<'RULES'
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname != "lo" masquerade
  }
}
RULES
systemctl enable --now nftables
`;
