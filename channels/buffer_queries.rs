//! What Buffer's API is asked.

/// What is read of a post.
macro_rules! post {
    () => {
        "id status text dueAt channelId channelService shareMode schedulingType updatedAt assets { type source }"
    };
}

pub(super) const LIST: &str = concat!(
    "query Posts($input: PostsInput!, $first: Int, $after: String) { posts(input: $input, first: $first, after: $after) { edges { node { ",
    post!(),
    " } } pageInfo { hasNextPage endCursor } } }"
);
pub(super) const ONE: &str =
    concat!("query Post($id: PostId!) { post(input: { id: $id }) { ", post!(), " } }");
pub(super) const EDIT: &str = "mutation Edit($input: EditPostInput!) { editPost(input: $input) { __typename ... on PostActionSuccess { post { id status } } ... on MutationError { message } } }";
pub(super) const CHECK: &str = "query Check($channels: ChannelsInput!, $posts: PostsInput!) { channels(input: $channels) { id } posts(input: $posts, first: 1) { edges { node { id } } } }";
