import type { SettingsOf } from '../shared/env.ts';

/** What the manifest lets the api read. */
export type ApiSettings = SettingsOf<'api'>;
