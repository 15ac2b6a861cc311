/**
 * A trajectory summary: one meteor as GMN computed it, one line of a summary file, one event on the topic.
 *
 * Field names, order and nullability are those of `schemas/trajectory_summary.avsc`, which also defines every field's meaning and
 * unit; a test keeps the two equal. Null means that the source has no value (`None`, `nan`, `...`).
 */

/** One trajectory summary. Angles in degrees, speeds in km/s, heights in km above the WGS84 ellipsoid. */
export interface TrajectorySummary {
  unique_trajectory_identifier: string | null;
  beginning_julian_date: number | null;
  /** Microseconds since 1970-01-01T00:00:00Z. */
  beginning_utc_time: number | null;
  iau_no: number | null;
  iau_code: string | null;
  sol_lon_deg: number | null;
  app_lst_deg: number | null;
  rageo_deg: number | null;
  sigma: number | null;
  decgeo_deg: number | null;
  sigma_1: number | null;
  lamgeo_deg: number | null;
  sigma_2: number | null;
  betgeo_deg: number | null;
  sigma_3: number | null;
  vgeo_km_s: number | null;
  sigma_4: number | null;
  lamhel_deg: number | null;
  sigma_5: number | null;
  bethel_deg: number | null;
  sigma_6: number | null;
  vhel_km_s: number | null;
  sigma_7: number | null;
  a_au: number | null;
  sigma_8: number | null;
  e: number | null;
  sigma_9: number | null;
  i_deg: number | null;
  sigma_10: number | null;
  peri_deg: number | null;
  sigma_11: number | null;
  node_deg: number | null;
  sigma_12: number | null;
  pi_deg: number | null;
  sigma_13: number | null;
  b_deg: number | null;
  sigma_14: number | null;
  q_au: number | null;
  sigma_15: number | null;
  f_deg: number | null;
  sigma_16: number | null;
  m_deg: number | null;
  sigma_17: number | null;
  q_au_: number | null;
  sigma_18: number | null;
  n_deg_day: number | null;
  sigma_19: number | null;
  t_years: number | null;
  sigma_20: number | null;
  tisserandj: number | null;
  sigma_21: number | null;
  raapp_deg: number | null;
  sigma_22: number | null;
  decapp_deg: number | null;
  sigma_23: number | null;
  azim_e_of_n_deg: number | null;
  sigma_24: number | null;
  elev_deg: number | null;
  sigma_25: number | null;
  vinit_km_s: number | null;
  sigma_26: number | null;
  vavg_km_s: number | null;
  sigma_27: number | null;
  latbeg_n_deg: number | null;
  sigma_28: number | null;
  lonbeg_e_deg: number | null;
  sigma_29: number | null;
  htbeg_km: number | null;
  sigma_30: number | null;
  latend_n_deg: number | null;
  sigma_31: number | null;
  lonend_e_deg: number | null;
  sigma_32: number | null;
  htend_km: number | null;
  sigma_33: number | null;
  duration_sec: number | null;
  peak_absmag: number | null;
  peak_ht_km: number | null;
  f_param: number | null;
  mass_kg_tau_0_7: number | null;
  qc_deg: number | null;
  medianfiterr_arcsec: number | null;
  beg_in_fov: boolean | null;
  end_in_fov: boolean | null;
  num_stat: number | null;
  participating_stations: (string | null)[] | null;
  schema_version: string | null;
}
