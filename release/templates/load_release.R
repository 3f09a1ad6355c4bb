# The synthetic patients of this release in base R, typed and labelled; survival curves with the package survival.
#
#   source("load_release.R", chdir = TRUE)
#   patients <- load_release()                 # categories, and present or absent, as labelled factors
#   codes <- load_release(labelled = FALSE)    # the values as they stand in the CSV file
#   km_medians(patients)                       # median of each endpoint in months, with 95 % interval
#
# No row is a patient; release_statement says what the data are, release_citation how to cite them.

release_folder <- getwd()
release_statement <- $statement
release_citation <- $citation
release_doi <- $doi

release_labels <- c(
$labels
)

release_units <- c(
$units
)

release_factors <- list(
$factors
)

release_texts <- $texts  # columns that R must not take for numbers or for TRUE and FALSE

release_endpoints <- list(
$endpoints
)

# Returns a data frame with one synthetic patient a row. Attributes of its columns are label and unit.
load_release <- function(folder = release_folder, labelled = TRUE) {
  file <- file.path(folder, $csv)
  patients <- read.csv(
    file, na.strings = $missing, check.names = FALSE, stringsAsFactors = FALSE,
    encoding = "UTF-8", colClasses = setNames(rep("character", length(release_texts)), release_texts)
  )
  stopifnot(identical(names(patients), names(release_labels)))
  if (labelled) {
    for (name in names(release_factors)) {
      values <- release_factors[[name]]
      unknown <- setdiff(patients[[name]], c(values$$levels, NA))
      if (length(unknown)) stop(file, ", ", name, ": not in the codebook: ", unknown[1])
      patients[[name]] <- factor(patients[[name]], levels = values$$levels, labels = values$$labels)
    }
  }
  for (name in names(patients)) {
    attr(patients[[name]], "label") <- release_labels[[name]]
    if (name %in% names(release_units)) attr(patients[[name]], "unit") <- release_units[[name]]
  }
  patients
}

# Kaplan-Meier curve of an endpoint, with intervals on the log(-log) scale; NA is left out.
km_fit <- function(patients, endpoint) {
  columns <- release_endpoints[[endpoint]]
  time <- as.numeric(patients[[columns[["time"]]]])
  status <- as.numeric(patients[[columns[["status"]]]])
  survival::survfit(survival::Surv(time, status) ~ 1, conf.type = "log-log")
}

# The median is the first time at which survival is one half or less, as in the release's own figures; where a
# curve stays at exactly one half, print(km_fit(...)) shows the middle of that step.
km_medians <- function(patients) {
  rows <- lapply(names(release_endpoints), function(endpoint) {
    fit <- km_fit(patients, endpoint)
    first <- function(curve) fit$$time[which(ifelse(fit$$surv > 0, curve, 0) <= 0.5 + 1e-12)[1]]
    data.frame(
      endpoint = endpoint, n = fit$$n, events = sum(fit$$n.event),
      median = first(fit$$surv), low = first(fit$$lower), high = first(fit$$upper)
    )
  })
  do.call(rbind, rows)
}
