import { useEffect, useState } from "preact/hooks";

/** Returns the time in seconds since the epoch, and renews it after each period, for durations that grow. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now() / 1_000);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now() / 1_000), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
