//! The website as a channel: its timeline is in the database, keyed by the delivery.

use async_trait::async_trait;
use channels::revise::GONE;
use channels::{Channel, Failure, Health, Job, Pass, Receipt, Retraction, Retry, Revised, Sighting};

use crate::app::site::SiteEntry;
use crate::app::{App, sending, site, site_pictures};

/// The public page.
pub struct Site(pub App);

impl Site {
    async fn receipt(&self, e: &SiteEntry) -> Receipt {
        Receipt { remote_id: e.delivery_id.clone(), url: site::url(&self.0, e).await, note: None }
    }
}

#[async_trait]
impl Channel for Site {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let unsent = |reason: String| Failure::Rejected { reason, retry: Retry::Backoff };
        let Some(incident) = job.incident.clone() else {
            let reason = "the website shows incidents only".to_owned();
            return Err(Failure::Rejected { reason, retry: Retry::Never });
        };
        let id = job.delivery.to_string();
        let row = sending::delivery(&self.0, &id).await.map_err(|e| unsent(e.to_string()))?;
        let post = sending::post(&self.0, &row.post_id).await.map_err(|e| unsent(e.to_string()))?;
        let entry = SiteEntry {
            delivery_id: id,
            incident_id: incident,
            kind: job.kind.clone(),
            title: job.rendition.title.clone(),
            text: job.rendition.text.clone(),
            language: job.rendition.language.clone(),
            published_at: self.0.clock().now(),
            promise_at: post.promise_at,
            corrects: post.corrects,
            retracted_at: None,
            corrected_at: None,
            revised_by: None,
            pictures: site_pictures::written(&job.rendition, &job.media),
        };
        pass.begin().map_err(|why| Failure::Closed { why, partly: false })?;
        // The commit may have happened although the answer was lost.
        let lost = |e: crate::app::AppError| Failure::InDoubt { reason: e.to_string() };
        site::publish(&self.0, &entry).await.map_err(lost)?;
        Ok(self.receipt(&entry).await)
    }

    async fn read_back(&self, job: &Job) -> Sighting {
        match site::find(&self.0, &job.delivery.to_string()).await {
            Ok(Some(entry)) => Sighting::Found(self.receipt(&entry).await),
            Ok(None) => Sighting::Absent,
            Err(e) => Sighting::Unknown(e.to_string()),
        }
    }

    async fn revise(&self, job: &Job, of: &Revised, pass: &Pass) -> Result<Receipt, Failure> {
        let found = site::find(&self.0, &of.delivery.to_string()).await;
        let unread =
            |e: crate::app::AppError| Failure::Rejected { reason: e.to_string(), retry: Retry::Backoff };
        let gone = || Failure::Rejected { reason: GONE.to_owned(), retry: Retry::Never };
        let entry = SiteEntry {
            title: job.rendition.title.clone(),
            text: job.rendition.text.clone(),
            language: job.rendition.language.clone(),
            corrected_at: Some(self.0.clock().now()),
            revised_by: Some(job.delivery.to_string()),
            pictures: site_pictures::written(&job.rendition, &job.media),
            ..found.map_err(unread)?.ok_or_else(gone)?
        };
        pass.begin().map_err(|why| Failure::Closed { why, partly: false })?;
        // The commit may have happened although the answer was lost.
        match site::revise(&self.0, &entry).await {
            Ok(true) => Ok(self.receipt(&entry).await),
            Ok(false) => Err(gone()),
            Err(e) => Err(Failure::InDoubt { reason: e.to_string() }),
        }
    }

    async fn read_revised(&self, job: &Job, of: &Revised) -> Sighting {
        match site::find(&self.0, &of.delivery.to_string()).await {
            Ok(Some(entry)) if entry.revised_by == Some(job.delivery.to_string()) => {
                Sighting::Found(self.receipt(&entry).await)
            }
            Ok(Some(_)) => Sighting::Absent,
            Ok(None) => Sighting::Gone(GONE.to_owned()),
            Err(e) => Sighting::Unknown(e.to_string()),
        }
    }

    /// Entries are keyed by their delivery, whatever people wrote down of where it is.
    async fn retract(&self, job: &Job, _: Option<&str>) -> Retraction {
        match site::retract(&self.0, &job.delivery.to_string()).await {
            Ok(true) => Retraction::Gone,
            Ok(false) => Retraction::StillLive(
                "the page has no entry of this delivery; look at what was seen as published".into(),
            ),
            Err(e) => Retraction::StillLive(e.to_string()),
        }
    }

    async fn check(&self) -> Health {
        Health::ready(format!("served at {}", self.0.public_url()))
    }
}
