import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Clock } from '../clock.ts';

/** Whole seconds until a point in time, counting down while it is shown. */
export function useSecondsUntil(until: number, clock: Clock): number {
  const now = useSignal(clock.now());
  useEffect(() => {
    now.value = clock.now();
    const timer = setInterval(() => {
      now.value = clock.now();
    }, 250);
    return () => clearInterval(timer);
  }, [until, clock, now]);
  return Math.max(0, Math.ceil((until - now.value) / 1000));
}
