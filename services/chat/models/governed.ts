/** Models behind the governor's endpoint are called through it. Pure. */
import type { ConfiguredModel } from '../../shared/models/configured-models.ts';

export interface GovernorAddress {
  /** Empty: there is none. */
  readonly GOVERNOR_URL: string;
  readonly GOVERNOR_BACKEND_URL: string;
}

export function throughGovernor(
  models: readonly ConfiguredModel[],
  { GOVERNOR_URL, GOVERNOR_BACKEND_URL }: GovernorAddress,
): ConfiguredModel[] {
  if (!GOVERNOR_URL || !GOVERNOR_BACKEND_URL) return [...models];
  const { origin } = new URL(GOVERNOR_BACKEND_URL);
  return models.map((model) => {
    const url = new URL(model.url);
    return url.origin === origin ? { ...model, url: new URL(GOVERNOR_URL).origin + url.pathname } : model;
  });
}
