/** Which service owns which public path, derived from the manifest. */
import type { Definitions, ServiceDefinition } from './definition.ts';
import { type ServiceName, services } from './manifest.ts';

/** Public paths of services, `[pattern, owner]` in matching order. */
export const routeTableOf = <Name extends string>(definitions: Definitions<Name>): (readonly [string, Name])[] =>
  (Object.entries(definitions) as [Name, ServiceDefinition][]).flatMap(([name, { routes }]) =>
    routes.map((pattern) => [pattern, name] as const),
  );

/** The one route table: `[pattern, owner]` in matching order. */
export const routeTable = routeTableOf<ServiceName>(services);

/** The service that owns a public path, as a load balancer decides it: first match, `*` crosses `/`. */
export function routeOwner(path: string): ServiceName | undefined {
  return routeTable.find(([pattern]) => matches(pattern, path))?.[1];
}

function matches(pattern: string, path: string): boolean {
  const source = pattern
    .split('*')
    .map((literal) => literal.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${source}$`).test(path);
}
