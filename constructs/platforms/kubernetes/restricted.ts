/** Who runs in a container. The restricted Pod Security Standard wants somebody other than root. */
import type { ServiceDefinition } from '../../../services/definition.ts';

/** As the images built here say it (stacks/images/Dockerfile). */
const builtUser = '65532';

/** Images of others say themselves who runs; root is refused when the pod starts. */
export const podUser = ({ build }: ServiceDefinition) => (build ? { runAsUser: builtUser, runAsGroup: builtUser } : {});
