// From the sphere to the plane, for maps of the sky and of the Earth. Degrees in; units of the picture out.

const RAD = Math.PI / 180;

/**
 * Hammer's equal-area projection of the whole sky, seen from inside: longitude increases to the LEFT, as astronomers draw it.
 * The picture is 2 wide on each side of the centre and 1 high: x in -2…2, y in -1…1, y up.
 * @param {number} lon @param {number} lat @param {number} centre longitude in the middle
 * @returns {[number, number]}
 */
export function hammer(lon, lat, centre) {
  const l = -wrap180(lon - centre) * RAD;
  const b = lat * RAD;
  const z = Math.sqrt(1 + Math.cos(b) * Math.cos(l / 2));
  return [2 * Math.cos(b) * Math.sin(l / 2) / z, Math.sin(b) / z];
}

/** An angle as -180 (included) to 180. @param {number} angle */
export function wrap180(angle) {
  return ((angle + 180) % 360 + 360) % 360 - 180;
}

/** Mercator's y of a latitude; conformal, so the direction of a track is right at every zoom. @param {number} lat */
export function mercatorY(lat) {
  return Math.log(Math.tan(Math.PI / 4 + clampLatitude(lat) * RAD / 2)) / RAD;
}

/** @param {number} y of `mercatorY` */
export function latitudeOf(y) {
  return (2 * Math.atan(Math.exp(y * RAD)) - Math.PI / 2) / RAD;
}

/** Mercator's projection has no poles. @param {number} lat */
function clampLatitude(lat) {
  return Math.max(-85, Math.min(85, lat));
}
