export { Settings } from './settings.ts';
export { findVersion, formatVersion, NEWEST_KNOWN, OLDEST, VersionError } from './version.ts';
