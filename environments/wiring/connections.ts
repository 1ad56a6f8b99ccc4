/**
 * Who may talk to whom. The matrix is data, derived from definitions alone; security-group rules, network policies and
 * local networks are renderings of it, so an edge that is not declared exists nowhere.
 */
import type { Definitions, ServiceDefinition, Store } from '../../services/definition.ts';
import { type ServiceName, services, urlSetting } from '../../services/manifest.ts';
import { type Environment, placedDefinitions } from '../schema/schema.ts';

/** A direction in which connections may be opened. Answers come back on the same connection. */
export type Edge<Name extends string = string> =
  | { readonly kind: 'public'; readonly to: Name }
  | { readonly kind: 'call'; readonly from: Name; readonly to: Name }
  | { readonly kind: 'use'; readonly from: Name; readonly store: Store }
  | { readonly kind: 'egress'; readonly from: Name; readonly to: string };

/** Every edge of an environment. */
export const environmentEdges = (environment: Pick<Environment, 'tiers'>): Edge<ServiceName>[] =>
  connections(placedDefinitions(environment), services);

/**
 * Every edge between services that are placed, in their order.
 *
 * @param all Definitions of those that are not placed too: an optional one among them may be missing. @default none
 */
export function connections<Name extends string>(placed: Definitions<Name>, all: Definitions = {}): Edge<Name>[] {
  return (Object.entries(placed) as [Name, ServiceDefinition][]).flatMap(([name, definition]): Edge<Name>[] => {
    const { routes, uses, egress } = definition;
    const calls = definition.calls.filter((to) => to in placed || !all[to]?.optional) as Name[];
    const missing = calls.find((to) => !(to in placed));
    if (missing)
      throw new Error(`tier '${name}' calls '${missing}', which this environment does not place: add tiers.${missing}`);
    return [
      ...(routes.length > 0 ? [{ kind: 'public' as const, to: name }] : []),
      ...calls.map((to) => ({ kind: 'call' as const, from: name, to })),
      ...uses.map((store) => ({ kind: 'use' as const, from: name, store })),
      ...egress.map((to) => ({ kind: 'egress' as const, from: name, to })),
    ];
  });
}

/** Services that some other one calls: each has a port on the internal balancer. */
export const calledServices = <Name extends string>(edges: readonly Edge<Name>[]): Name[] => [
  ...new Set(edges.flatMap((edge) => (edge.kind === 'call' ? edge.to : []))),
];

/** Services that this one calls. */
export const callsFrom = <Name extends string>(edges: readonly Edge<Name>[], name: Name): Name[] =>
  edges.flatMap((edge) => (edge.kind === 'call' && edge.from === name ? edge.to : []));

/**
 * The settings that say where the called tiers are. An optional tier that is not placed has none: its setting's default,
 * '', tells its callers.
 *
 * @param origin of a tier, as those who call it reach it
 */
export function addressSettings<Name extends string>(
  placed: Definitions<Name>,
  edges: readonly Edge<Name>[],
  origin: (name: Name) => string,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    calledServices(edges).map((name) => [urlSetting(name), origin(name) + (placed[name].urlPath ?? '')]),
  );
}
