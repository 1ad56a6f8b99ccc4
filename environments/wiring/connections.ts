/**
 * Who may talk to whom. The matrix is data, derived from the manifest alone; security-group rules, network policies and
 * local networks are renderings of it, so an edge that is not declared exists nowhere.
 */
import {
  callsOf,
  definitionOf,
  type Egress,
  type ServiceName,
  type SettingName,
  type Store,
  urlSetting,
} from '../../services/manifest.ts';

/** A direction in which connections may be opened. Answers come back on the same connection. */
export type Edge =
  | { readonly kind: 'public'; readonly to: ServiceName }
  | { readonly kind: 'call'; readonly from: ServiceName; readonly to: ServiceName }
  | { readonly kind: 'use'; readonly from: ServiceName; readonly store: Store }
  | { readonly kind: 'egress'; readonly from: ServiceName; readonly to: Egress };

/** Every edge between the services that an environment places, in the manifest's order. */
export function connections(placed: readonly ServiceName[]): Edge[] {
  return placed.flatMap((name): Edge[] => {
    const { routes, uses, egress } = definitionOf(name);
    const calls = callsOf(name).filter((to) => placed.includes(to) || !definitionOf(to).optional);
    const missing = calls.find((to) => !placed.includes(to));
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

/** Services that some placed service calls: each has a port on the internal balancer. */
export function calledServices(placed: readonly ServiceName[]): ServiceName[] {
  const edges = connections(placed);
  return placed.filter((name) => edges.some((edge) => edge.kind === 'call' && edge.to === name));
}

/**
 * The settings that say where the called tiers are. An optional tier that is not placed has none: its setting's default,
 * '', tells its callers.
 *
 * @param origin of a tier, as those who call it reach it
 */
export function addressSettings(
  placed: readonly ServiceName[],
  origin: (name: ServiceName) => string,
): Partial<Record<SettingName, string>> {
  return Object.fromEntries(
    calledServices(placed).map((name) => [urlSetting(name), origin(name) + (definitionOf(name).urlPath ?? '')]),
  );
}
