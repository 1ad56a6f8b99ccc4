/** Models behind the governor's endpoint are called through it. Pure. */
import { governorTokenHeader } from '../../shared/contract/common.ts';
import type { ConfiguredModel } from '../../shared/models/configured-models.ts';

export interface GovernorAddress {
  /** Empty: there is none. */
  readonly GOVERNOR_URL: string;
  readonly GOVERNOR_BACKEND_URL: string;
  /** Empty: it asks for none. */
  readonly GOVERNOR_TOKEN: string;
}

export function throughGovernor(
  models: readonly ConfiguredModel[],
  { GOVERNOR_URL, GOVERNOR_BACKEND_URL, GOVERNOR_TOKEN: token }: GovernorAddress,
): ConfiguredModel[] {
  if (!GOVERNOR_URL || !GOVERNOR_BACKEND_URL) return [...models];
  const { origin } = new URL(GOVERNOR_BACKEND_URL);
  return models.map((model) => {
    const url = new URL(model.url);
    if (url.origin !== origin) return model;
    // Beside the model's own key, which the governor hands on.
    const headers: Record<string, string> = token ? { [governorTokenHeader]: token } : {};
    return { ...model, url: new URL(GOVERNOR_URL).origin + url.pathname, headers };
  });
}
