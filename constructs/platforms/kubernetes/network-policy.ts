import type {
  NetworkPolicyV1,
  NetworkPolicyV1SpecEgress,
  NetworkPolicyV1SpecIngress,
} from '@cdktf/provider-kubernetes/lib/network-policy-v1/index.js';
import type { Construct } from 'constructs';
import { lazy } from '../../lazy.ts';
import { postgresPort } from '../../stores/postgres.ts';
import { redisPort } from '../../stores/redis.ts';
import { usesDocuments } from '../../tier/grants.ts';
import { type Common, selectorOf, type WorkloadProps } from './objects.ts';

/** Where the SDKs of a pod get the credentials of its role. https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html */
const podIdentityAgent = '169.254.170.23/32';

/** Metadata of the node, and whatever else is reached without a router. */
const linkLocal = '169.254.0.0/16';

const storePorts = { postgres: postgresPort, redis: redisPort };

/**
 * A tier's edges of the matrix, both ways; whatever they do not say is denied by the namespace.
 *
 * A policy knows blocks of addresses and ports. It cannot say "this database" or "this model": stores are the subnets
 * that hold nothing else, a foreign endpoint is its port anywhere outside of the environment's network, and S3 is 443
 * there, which buckets a pod may read says its role.
 */
export function networkPolicy(
  scope: Construct,
  { metadata, dependsOn }: Common,
  props: WorkloadProps,
): NetworkPolicyV1 {
  const { service, definition, calls, called, kubernetes } = props;
  const { network, publicBalancer, internalBalancer, stores } = kubernetes.blocks;
  const from = [...(definition.routes.length > 0 ? publicBalancer : []), ...(called ? internalBalancer : [])];
  const ingress: NetworkPolicyV1SpecIngress[] =
    from.length > 0 ? [{ from: from.map(block), ports: [tcp(definition.port)] }] : [];
  const egress: NetworkPolicyV1SpecEgress[] = [];
  const to = (blocks: readonly string[], ports: readonly number[], except: string[] = []) => {
    if (ports.length > 0)
      egress.push({
        to: blocks.map((cidr) => ({ ipBlock: { cidr, ...(except.length > 0 && { except }) } })),
        ports: ports.map(tcp),
      });
  };
  to(internalBalancer, calls.map(kubernetes.portOf));
  to(
    stores,
    definition.uses.flatMap((store) => (store === 'document-store' ? [] : [storePorts[store]])),
  );
  const outside = new Set(definition.egress.flatMap((endpoint) => kubernetes.egressPorts(endpoint)));
  if (usesDocuments(definition)) {
    to([podIdentityAgent], [80]);
    outside.add(443);
  }
  to(
    ['0.0.0.0/0'],
    [...outside].toSorted((a, b) => a - b),
    [network, linkLocal],
  );
  return new lazy.NetworkPolicyV1(scope, 'connections', {
    metadata,
    dependsOn: [...dependsOn],
    spec: { podSelector: { matchLabels: selectorOf(service) }, policyTypes: ['Ingress', 'Egress'], ingress, egress },
  });
}

const block = (cidr: string) => ({ ipBlock: { cidr } });
const tcp = (port: number) => ({ protocol: 'TCP', port: String(port) });
