import type { PlannedCamera } from '../../src/config.ts';

export function planned(patch: Partial<PlannedCamera> = {}): PlannedCamera {
  return {
    id: 'door',
    url: 'rtsp://10.0.0.5/stream',
    username: '',
    password: '',
    transport: 0,
    tlsFingerprint: '',
    record: true,
    held: '',
    via: 'tcp',
    ...patch,
  };
}
