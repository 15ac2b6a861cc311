// Display names and groups of the fields of a trajectory. Meanings and units come from the API.

/** @type {readonly { title: string, fields: readonly (readonly [field: string, name: string])[] }[]} */
export const FIELD_GROUPS = [
  {
    title: "Time and shower",
    fields: [
      ["beginning_utc_time", "Beginning, UTC"],
      ["beginning_julian_date", "Beginning, Julian date"],
      ["sol_lon_deg", "Solar longitude λ☉"],
      ["app_lst_deg", "Apparent local sidereal time"],
      ["iau_no", "Shower number"],
      ["iau_code", "Shower code"],
    ],
  },
  {
    title: "Geocentric radiant and speed",
    fields: [
      ["rageo_deg", "Right ascension α"],
      ["decgeo_deg", "Declination δ"],
      ["lamgeo_deg", "Ecliptic longitude λ"],
      ["betgeo_deg", "Ecliptic latitude β"],
      ["vgeo_km_s", "Geocentric speed Vg"],
    ],
  },
  {
    title: "Heliocentric",
    fields: [
      ["lamhel_deg", "Ecliptic longitude λh"],
      ["bethel_deg", "Ecliptic latitude βh"],
      ["vhel_km_s", "Heliocentric speed Vh"],
    ],
  },
  {
    title: "Orbit",
    fields: [
      ["a_au", "Semi-major axis a"],
      ["e", "Eccentricity e"],
      ["i_deg", "Inclination i"],
      ["peri_deg", "Argument of perihelion ω"],
      ["node_deg", "Ascending node Ω"],
      ["pi_deg", "Longitude of perihelion Π"],
      ["b_deg", "Latitude of perihelion b"],
      ["q_au", "Perihelion distance q"],
      ["q_au_", "Aphelion distance Q"],
      ["f_deg", "True anomaly f"],
      ["m_deg", "Mean anomaly M"],
      ["n_deg_day", "Mean motion n"],
      ["t_years", "Period T"],
      ["tisserandj", "Tisserand’s parameter TJ"],
    ],
  },
  {
    title: "Apparent radiant and speed",
    fields: [
      ["raapp_deg", "Right ascension"],
      ["decapp_deg", "Declination"],
      ["azim_e_of_n_deg", "Azimuth, east of north"],
      ["elev_deg", "Elevation (entry angle)"],
      ["vinit_km_s", "Initial speed"],
      ["vavg_km_s", "Average speed"],
    ],
  },
  {
    title: "Trajectory in the atmosphere",
    fields: [
      ["latbeg_n_deg", "Latitude of the beginning"],
      ["lonbeg_e_deg", "Longitude of the beginning"],
      ["htbeg_km", "Height of the beginning"],
      ["latend_n_deg", "Latitude of the end"],
      ["lonend_e_deg", "Longitude of the end"],
      ["htend_km", "Height of the end"],
      ["duration_sec", "Duration"],
    ],
  },
  {
    title: "Light and mass",
    fields: [
      ["peak_absmag", "Peak absolute magnitude"],
      ["peak_ht_km", "Height of the peak"],
      ["f_param", "F parameter"],
      ["mass_kg_tau_0_7", "Photometric mass"],
    ],
  },
  {
    title: "Quality",
    fields: [
      ["qc_deg", "Convergence angle Qc"],
      ["medianfiterr_arcsec", "Median fit error"],
      ["beg_in_fov", "Beginning in the field of view"],
      ["end_in_fov", "End in the field of view"],
      ["num_stat", "Stations"],
      ["participating_stations", "Participating stations"],
      ["unique_trajectory_identifier", "Identifier"],
      ["schema_version", "Schema version"],
    ],
  },
];
