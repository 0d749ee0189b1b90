import { REASON, STATE } from '@opennvr/media';
import { CameraState, FailureReason } from '@opennvr/proto/opennvr/media/v1/media';
import { expect, it } from 'vitest';

/** `WRONG_PASSWORD` for `wrongPassword`. */
const named = (key: string) => key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();

it('numbers states and reasons as the contract does', () => {
  for (const [key, value] of Object.entries(STATE))
    expect(CameraState[`CAMERA_STATE_${named(key)}` as keyof typeof CameraState]).toBe(value);
  for (const [key, value] of Object.entries(REASON)) {
    const name = key === 'none' ? 'UNSPECIFIED' : named(key);
    expect(FailureReason[`FAILURE_REASON_${name}` as keyof typeof FailureReason]).toBe(value);
  }
  expect(Object.keys(REASON)).toHaveLength(Object.keys(FailureReason).length - 1);
});
