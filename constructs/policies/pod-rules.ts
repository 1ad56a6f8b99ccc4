/** What no pod may be, whoever writes it. Its namespace refuses most of it too, but only while it is applied. */
import type { Attributes, Rule } from './rule.ts';

export const podRules = {
  'restricted pods': (type, { spec, metadata }) => {
    const pod = podOf(type, spec);
    if (!pod || (metadata as Attributes).name === logCollector) return;
    if (pod.host_network || pod.host_pid || pod.host_ipc) return "shares its node's network or processes; leave it out";
    if (pod.automount_service_account_token !== false)
      return 'holds a token of the cluster; set automount_service_account_token to false';
    if (list(pod.volume).some((volume) => volume.host_path)) return 'mounts a folder of its node; use empty_dir';
    for (const { name, security_context } of containersOf(pod)) {
      const context = (security_context ?? {}) as Attributes;
      // The provider sends false for what a container leaves out, whatever its pod says.
      if (context.run_as_non_root !== true)
        return `may run '${name}' as root; set run_as_non_root on the container itself`;
      if (context.privileged || context.allow_privilege_escalation !== false)
        return `lets '${name}' gain privileges; set allow_privilege_escalation to false`;
      if (context.read_only_root_filesystem !== true)
        return `lets '${name}' write to its image; set read_only_root_filesystem`;
      const capabilities = (context.capabilities ?? {}) as Attributes;
      if (String(capabilities.drop) !== 'ALL' || capabilities.add)
        return `leaves '${name}' capabilities; drop ALL and add none`;
      if ((context.seccomp_profile as Attributes | undefined)?.type !== 'RuntimeDefault')
        return `lets '${name}' make any system call; set seccomp_profile to RuntimeDefault`;
    }
  },
  'fixed resources': (type, { spec }) => {
    for (const { name, resources } of containersOf(podOf(type, spec))) {
      const { requests, limits } = (resources ?? {}) as { requests?: Attributes; limits?: Attributes };
      if (!limits?.cpu || !limits.memory) return `gives '${name}' no limit; set cpu and memory`;
      if (requests?.cpu !== limits.cpu || requests?.memory !== limits.memory)
        return `gives '${name}' limits above its requests; set both the same: neighbours pay for the difference`;
    }
  },
  'pinned images': (type, { spec }) => {
    for (const { name, image } of containersOf(podOf(type, spec))) {
      const [path, digest] = String(image).split('@');
      const tag = /:([^:/}]+)$/.exec(path ?? '')?.[1];
      if (!digest && (!tag || tag === 'latest'))
        return `runs '${name}' from whatever '${image}' is that day; name a digest, or a version`;
    }
  },
} satisfies Record<string, Rule>;

/** Reads the logs of a node's pods: as root, without any other right of root. */
const logCollector = 'log-collector';

const list = (value: unknown): Attributes[] => (Array.isArray(value) ? value : value ? [value as Attributes] : []);

/** The pod of what runs in a cluster. */
function podOf(type: string, spec: unknown): Attributes | undefined {
  if (type !== 'kubernetes_deployment_v1' && type !== 'kubernetes_daemon_set_v1') return undefined;
  return (spec as { template: { spec: Attributes } }).template.spec;
}

const containersOf = (pod: Attributes | undefined): Attributes[] => [
  ...list(pod?.container),
  ...list(pod?.init_container),
];
